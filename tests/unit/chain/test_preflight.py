"""The questions to a chain before a transaction is accepted: their number, their height, and the meaning of no
token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.chain.balances import Balances
from shared.chain.client import ChainClient
from shared.chain.errors import ExecutionReverted, NotAToken
from shared.chain.pool import Pool
from shared.chain.registry import Registry
from shared.chain.types import CallRequest
from tests.unit.chain.nodes import Node
from tests.unit.docs.pages import ROOT, tracked

SENDER, TOKEN = "0x" + "a1" * 20, "0x" + "70" * 20
CALL = CallRequest(SENDER, TOKEN, data=b"\1\2")
HEAD = 100


def answering(held: Any) -> Callable[[str, list[Any]], Any]:
    """A node at block 100; `held` is a token's balance."""

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_call":
            return "0x" + f"{1:064x}" if params[1] == "latest" else held
        return {"eth_blockNumber": hex(HEAD), "eth_estimateGas": "0xea60", "eth_getBalance": "0x7"}[method]

    return answer


@pytest.fixture
def local(pool_of: Callable[..., Pool]) -> Callable[..., tuple[ChainClient, Node]]:
    def make(held: Any = "0x" + f"{5:064x}") -> tuple[ChainClient, Node]:
        node = Node("a", answering(held))
        return ChainClient(Registry.DEFAULT.chain("local"), pool_of(node)), node

    return make


def test_a_payment_in_coins_takes_two_exchanges(local: Any) -> None:
    client, node = local()
    tried = client.preflight(CallRequest(SENDER, TOKEN, 1))
    confirmed = HEAD + 1 - client.spec.confirmations
    assert (tried.gas, tried.balances, tried.l1_fee) == (60_000, Balances(confirmed, 7), 0)
    assert tried.returned is None
    assert node.asked == ["eth_blockNumber", "eth_estimateGas", "eth_getBalance"]
    assert node.exchanges == 2


def test_who_asks_for_the_same_block_shares_the_balance(pool_of: Callable[..., Pool]) -> None:
    answer, head, now = answering("0x" + f"{5:064x}"), [HEAD], [0.0]
    node = Node(
        "a", lambda method, params: hex(head[0]) if method == "eth_blockNumber" else answer(method, params)
    )
    client = ChainClient(Registry.DEFAULT.chain("local"), pool_of(node), seconds=lambda: now[0])

    def exchanges(token: str | None = None) -> int:
        before = node.exchanges
        tried = client.preflight(CallRequest(SENDER, TOKEN, 1), token)
        assert (tried.balances.coin, tried.balances.token) == (7, 5 if token else None)
        return node.exchanges - before

    assert [exchanges(), exchanges()] == [2, 1]
    height = client.confirmed_number()
    before = node.exchanges
    assert client.native_balances([SENDER], height) == [7] and client.balances(SENDER, None, height).coin == 7
    assert node.exchanges == before
    assert [exchanges(TOKEN), exchanges(TOKEN)] == [2, 1]
    head[0] += 1
    assert [exchanges(TOKEN), exchanges()] == [2, 1]
    now[0] += client.spec.block_seconds + 0.1  # the block at a height may have been replaced
    assert exchanges() == 2


def test_a_payment_in_tokens_takes_no_more(local: Any) -> None:
    client, node = local()
    tried = client.preflight(CALL, TOKEN)
    assert (tried.balances.coin, tried.balances.token) == (7, 5)
    assert tried.returned == (1).to_bytes(32, "big")
    assert node.exchanges == 2


@pytest.mark.parametrize("held", ["0x", ExecutionReverted("execution reverted")])
def test_what_gives_no_balance_is_no_token(local: Any, held: Any) -> None:
    client, _ = local(held)
    with pytest.raises(NotAToken):
        client.preflight(CALL, TOKEN)
    with pytest.raises(NotAToken):
        client.balances(SENDER, TOKEN)


def test_only_the_chains_room_speaks_json_rpc() -> None:
    """All other packages use ChainClient."""
    sources = [name for name in tracked() if name.startswith(("shared/", "functions/", "schemas/"))]
    others = [name for name in sources if name.endswith(".py") and not name.startswith("shared/chain/")]
    assert others
    method = re.compile(r'"(eth|net|debug|txpool)_[a-z]+[A-Z]')
    assert [name for name in others if method.search((ROOT / name).read_text(encoding="utf-8"))] == []
