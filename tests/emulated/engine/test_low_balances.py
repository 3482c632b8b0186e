"""Low balances: announced once for each fall, and topped up once, only by a treasury with a limiting policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from shared import resources
from shared.domain.wallets.wallets import Wallet
from shared.engine import low_balances
from shared.engine.process_hints import hints
from shared.store.session import Session
from shared.store.tables.transactions import LOW_BALANCES, TRANSACTIONS
from tests.emulated.engine.world import ETHER, World, as_system

TARGET = "0x" + "10e5" * 10
LOW, FULL = ETHER // 10, ETHER // 2


@pytest.fixture
def treasury(world: World) -> Iterator[Wallet]:
    """A wallet that tops up; the test sets its policy."""
    wallet = world.wallet(10 * ETHER)
    rule = {"local": {"wallet_id": wallet.id, "below": str(LOW), "up_to": str(FULL)}}
    with resources.override(settings=replace(resources.settings(), top_ups=json.dumps(rule))):
        yield wallet


def bound(world: World, treasury: Wallet, *recipients: str, day: int = ETHER) -> None:
    limits = [{"asset": "native", "max_per_transaction": None, "max_per_day": str(day)}]
    body = {"paused": False, "limits": limits, "allowed_recipients": list(recipients)}
    world.app.ok(200, "PUT", f"/wallets/{treasury.id}/policy", body, user=treasury.user_id)


def look(world: World) -> None:
    hints().balance_checks.clear()
    world.tick()
    world.mine()


def top_ups(world: World) -> list[Any]:
    return [row for row in world.rows(TRANSACTIONS) if row.tenant == "treasury"]


def announced(world: World) -> list[Any]:
    return [one for _, one in world.published.sent if one["type"] == "wallet.low_balance"]


def test_a_fall_is_announced_once_and_again_after_it_was_over(world: World) -> None:
    wallet = world.wallet(ETHER)
    world.send(wallet, TARGET, 1)
    look(world)
    assert not announced(world)
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    for _ in range(3):
        look(world)
    (event,) = announced(world)
    assert (event["subject"], event["data"]["balance"]) == (wallet.id, str(10**15))
    feed = world.app.ok(200, "GET", "/events?types=wallet.low_balance", user=wallet.user_id)
    assert [one["data"]["wallet_id"] for one in feed["items"]] == [wallet.id]
    world.send(wallet, TARGET, 1)
    world.control("anvil_setBalance", wallet.address, hex(ETHER))
    world.mine(2)
    look(world)
    assert not world.rows(LOW_BALANCES)[0].low
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    look(world)
    assert len(announced(world)) == 2
    assert not top_ups(world), "off unless a treasury is named"
    world.settle(20)


def test_a_blocked_queue_goes_on_after_a_top_up(world: World, treasury: Wallet) -> None:
    wallet = world.wallet(ETHER)
    bound(world, treasury, wallet.address)
    sent = world.send(wallet, TARGET, ETHER // 5)["id"]
    world.control("anvil_setBalance", wallet.address, "0x0")
    world.mine(2)
    look(world)
    assert world.row(sent).blocked_reason == "FUNDS_BLOCKED" and world.row(sent).nonce is None
    (given,) = top_ups(world)
    assert (given.value, given.to, given.user_id) == (FULL, wallet.address, treasury.user_id)
    world.settle(30)
    assert world.row(sent).state == world.row(given.id).state == "confirmed"


def test_several_processes_send_one_top_up(world: World, treasury: Wallet) -> None:
    wallet = world.wallet(ETHER)
    bound(world, treasury, wallet.address)
    world.send(wallet, TARGET, 1)
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    client, lane = resources.chain("local"), f"local:{wallet.address.lower()}"

    def watch(_: int) -> None:
        hints().balance_checks.clear()
        with world_runs():
            low_balances.watch(client, 0, [lane])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(watch, range(8)))
    assert len(top_ups(world)) == 1
    world.settle(30)
    assert len(top_ups(world)) == 1 and world.balance(wallet.address) > LOW


def world_runs() -> Any:
    from shared.runtime.context import running

    return running(as_system())


def test_nothing_follows_until_the_last_one_is_final(world: World, treasury: Wallet) -> None:
    wallet = world.wallet(ETHER)
    bound(world, treasury, wallet.address)
    world.send(wallet, TARGET, 1)
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    look(world)
    for _ in range(3):
        world.control("anvil_setBalance", wallet.address, hex(10**15))
        look(world)
    assert len(top_ups(world)) == 1
    world.settle(30)
    world.control("anvil_setBalance", wallet.address, hex(ETHER))
    world.mine(2)
    world.send(wallet, TARGET, 1)
    world.tick()
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    look(world)
    assert sorted(row.idem_key.rpartition(":")[2] for row in top_ups(world)) == ["1", "2"]
    world.settle(30)


@pytest.mark.parametrize("policy", ["none", "no day", "another recipient", "spent"])
def test_a_treasury_gives_only_what_its_policy_bounds(world: World, treasury: Wallet, policy: str) -> None:
    wallet = world.wallet(ETHER)
    if policy == "no day":
        body = {"paused": False, "limits": [], "allowed_recipients": [wallet.address]}
        world.app.ok(200, "PUT", f"/wallets/{treasury.id}/policy", body, user=treasury.user_id)
    elif policy != "none":
        recipient = TARGET if policy == "another recipient" else wallet.address
        bound(world, treasury, recipient, day=ETHER // 10)
    world.send(wallet, TARGET, 1)
    world.control("anvil_setBalance", wallet.address, hex(10**15))
    world.mine(2)
    look(world)
    assert announced(world) and not top_ups(world)
    session = Session(resources.database().snapshot())
    assert session.maybe(LOW_BALANCES.find(f"local:{wallet.address.lower()}")).top_ups == 0  # type: ignore[union-attr]
    world.settle(20)
