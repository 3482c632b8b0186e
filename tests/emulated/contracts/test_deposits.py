"""Incoming coins and registered tokens of a wallet are seen once, when they are deep enough; a reorganisation takes
them back."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from shared import resources
from shared.chain.registry import Registry
from tests.emulated.contracts.conftest import Lab
from tests.emulated.contracts.index_world import Indexed

ETHER = 10**18


@pytest.fixture
def indexed(lab: Lab) -> Indexed:
    made = Indexed(lab)
    made.passes()
    return made


def pay(indexed: Indexed, to: str, wei: int) -> None:
    sent = {"from": indexed.lab.bank, "to": to, "value": hex(wei)}
    indexed.lab.world.control("eth_sendTransaction", sent)


def deposits(indexed: Indexed, wallet: Any) -> list[tuple[str, str, bool]]:
    path = f"/wallets/{wallet.id}/deposits"
    items = indexed.lab.world.app.ok(200, "GET", path, user=wallet.user_id)["items"]
    return [(one["currency"], one["amount"], one["final"]) for one in items]


def test_coins_are_seen_once_they_are_deep_enough(indexed: Indexed) -> None:
    world = indexed.lab.world
    wallet, empty = world.wallet(user="usr_shopper"), world.wallet()
    indexed.passes(2)
    before = len(indexed.told("wallet.received"))
    pay(indexed, wallet.address, 5)
    pay(indexed, wallet.address, 0)
    world.mine()
    indexed.passes()
    assert deposits(indexed, wallet)[:1] == [("ETH", "5", False)] and deposits(indexed, empty) == []
    assert len(indexed.told("wallet.received")) == before  # one block is not deep enough
    world.mine(4)
    indexed.passes(3)
    (told,) = indexed.told("wallet.received")[before:]
    assert (told["wallet_id"], told["amount"], told["currency"]) == (wallet.id, "5", "ETH")
    assert deposits(indexed, wallet)[:1] == [("ETH", "5", True)]
    feed = world.app.ok(200, "GET", "/events?types=wallet.received", user="usr_shopper")["items"]
    assert [one["data"]["amount"] for one in feed] == ["5"]
    path = f"/wallets/{wallet.id}/deposits"
    assert world.app.call("GET", path, user=empty.user_id).code == "NOT_FOUND"


def test_a_payment_that_reverts_and_what_contracts_pass_on_are_no_deposits(indexed: Indexed) -> None:
    lab = indexed.lab
    wallet = lab.world.wallet()
    passing, refusing = lab.take("Pass"), lab.take("Shapes")
    indexed.send(passing, "on", wallet.address, value=7)
    pay(indexed, refusing["address"], 9)
    lab.world.mine(4)
    indexed.passes(3)
    assert ("ETH", "7", True) not in deposits(indexed, wallet)


def test_registered_tokens_are_seen(indexed: Indexed) -> None:
    from shared.chain.registry import Token

    lab = indexed.lab
    coin, other = lab.take("Coin", "C", "C", 6, 1000), lab.take("Coin", "D", "D", 6, 1000)
    spec = resources.registry().chain("local")
    listed = replace(spec, tokens=(Token("C", coin["address"], 6),))
    registry = Registry(MappingProxyType({**resources.registry().chains, "local": listed}))
    wallet = lab.world.wallet(wei=0)
    with resources.override(registry=registry):
        resources.reset("chain:local")
        for token in (coin, other):
            indexed.send(token, "transfer", wallet.address, 12)
            indexed.send(token, "transfer", wallet.address, 0)
        lab.world.mine(4)
        indexed.passes(3)
        assert deposits(indexed, wallet) == [("C", "12", True)]
        (told,) = indexed.told("wallet.received")
        assert (told["currency"], told["token_address"]) == ("C", coin["address"])
    resources.reset("chain:local")


def test_a_bomb_of_deposits_is_stored_and_told_in_slices(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of a commit is limited: a block that needs one larger commit could stop the index for everybody."""
    from shared.contracts.events import factories, live, notices

    monkeypatch.setattr(factories, "EVENTS_AT_ONCE", 3)
    monkeypatch.setattr(notices, "MAX_DEPOSITS", 2)
    world = indexed.lab.world
    many, some, few = (world.wallet(wei=0, user=f"usr_{name}") for name in ("many", "some", "few"))
    indexed.passes(2)
    stored: list[int] = []
    told: list[int] = []

    def advancing(body: Any, *given: Any) -> Any:
        if body is live._advance:
            stored.append(len(given[1].events) + len(given[1].deposits))
        return commit(body, *given)

    def announcing(body: Any, *given: Any) -> Any:
        before = len(indexed.told("wallet.received"))
        commit(body, *given)
        told.append(len(indexed.told("wallet.received")) - before)

    commit = live.commit
    monkeypatch.setattr(live, "commit", advancing)
    monkeypatch.setattr(notices, "commit", announcing)
    for wei in range(1, 8):
        pay(indexed, many.address, wei)
    for wallet in (some, some, few):
        pay(indexed, wallet.address, 9)
    world.mine(5)
    indexed.passes(4)
    assert sorted(amount for _, amount, _ in deposits(indexed, many)) == [str(wei) for wei in range(1, 8)]
    assert len(deposits(indexed, some)) == 2 and len(deposits(indexed, few)) == 1
    assert max(stored) <= 3 and sum(stored) >= 10
    assert max(told) <= 2 and sum(told) == 5  # two of the seven: the list has them all


def test_a_deposit_that_is_gone_is_taken_back(indexed: Indexed) -> None:
    world = indexed.lab.world
    wallet = world.wallet(wei=0)
    pay(indexed, wallet.address, 5)
    world.mine()
    indexed.passes()
    world.control("anvil_reorg", 1, [])
    world.mine()
    indexed.passes(2)
    assert deposits(indexed, wallet) == [] and indexed.told("wallet.received") == []
    pay(indexed, wallet.address, 6)
    world.mine(3)
    indexed.passes(2)
    assert [one["amount"] for one in indexed.told("wallet.received")] == ["6"]
    world.control("anvil_reorg", 3, [])
    world.mine()
    indexed.passes(2)
    assert deposits(indexed, wallet) == []
    assert [one["amount"] for one in indexed.told("wallet.received_reorged")] == ["6"]
