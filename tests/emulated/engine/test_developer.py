"""Developers' commands for the local chain, `python -m emulators fund|mine|warp|reorg`, on a separate node."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from emulators import developer
from emulators.stack import StartError
from shared.chain.rpc import RpcClient
from shared.domain.errors import InvalidValue
from tests.emulated.engine.conftest import node as own_node


@pytest.fixture(scope="module")
def node() -> Iterator[RpcClient]:
    with own_node() as (_, rpc):
        yield rpc


def block(node: RpcClient, number: int) -> dict[str, str]:
    found: dict[str, str] = node.call("eth_getBlockByNumber", [hex(number), False])
    return found


def height(node: RpcClient) -> int:
    return int(node.call("eth_blockNumber", []), 16)


def test_coins_are_added_to_what_is_there(node: RpcClient) -> None:
    address = "0x" + secrets.token_hex(20)
    developer.fund(node, address, Decimal("1.5"))
    assert developer.fund(node, address, Decimal("0.25")).endswith("holds 1.75 ETH")
    assert int(node.call("eth_getBalance", [address, "latest"]), 16) == 175 * 10**16
    with pytest.raises(InvalidValue):
        developer.fund(node, "vitalik.eth", Decimal(1))


def test_blocks_and_time_go_on(node: RpcClient) -> None:
    before = height(node)
    developer.mine(node, 3)
    assert height(node) == before + 3
    at = int(block(node, height(node))["timestamp"], 16)
    said = developer.warp(node, 3600)
    now = int(block(node, height(node))["timestamp"], 16)
    assert now >= at + 3600
    assert (
        said
        == f"the chain's time is {datetime.fromtimestamp(now, UTC):%F %T} UTC; the newest block is {height(node)}"
    )


def test_the_newest_blocks_are_replaced(node: RpcClient) -> None:
    developer.mine(node, 4)
    top = height(node)
    kept, lost = block(node, top - 2)["hash"], block(node, top - 1)["hash"]
    developer.reorganise(node, 2)
    assert block(node, top - 2)["hash"] == kept
    assert block(node, top - 1)["hash"] != lost
    with pytest.raises(StartError, match="blocks"):
        developer.reorganise(node, 10_000)


@pytest.mark.parametrize(
    ("command", "given"), [("fund", ["0x1", "-1"]), ("mine", ["0"]), ("warp", ["soon"]), ("reorg", ["-1"])]
)
def test_what_is_no_number_is_wrong_usage(command: str, given: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        developer.main(command, given)
    assert left.value.code == 2
