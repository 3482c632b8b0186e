"""Claim any order: which one the caller gets, when there is none, and when to ask again."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.claims.claim_next import CHOICE
from shared import resources
from shared.desk import open_orders
from shared.runtime.clock import new_id
from shared.store.port import Database, Read, Reader, Row
from shared.store.session import Session
from shared.store.tables.orders import OPEN_SHARDS, ORDERS
from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import Answer


def ask(desk: Desk, user: str, body: dict[str, Any] | None = None, **more: Any) -> Answer:
    return desk.app.call("POST", "/claims/next", body, user=user, **more)


def _copies(order_id: str, count: int, **changes: Any) -> None:
    """Store copies of the order, each a second older than the one before."""
    order = Session(resources.database().snapshot()).one(ORDERS.get(order_id))
    copies = [
        replace(order, id=new_id("ord"), created_at=order.created_at - timedelta(seconds=number), **changes)
        for number in range(1, count + 1)
    ]
    resources.database().write([ORDERS.write("insert", copy) for copy in copies])


class Frozen:
    """A database whose index of open orders always shows its first result: other claimers are always faster."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self._seen: dict[Read, list[Row]] = {}

    def snapshot(self, **options: Any) -> Reader:
        inner, seen = self._inner.snapshot(**options), self._seen

        class Snapshot:
            def read(self, *reads: Read) -> list[list[Row]]:
                return [self._one(read) for read in reads]

            def _one(self, read: Read) -> list[Row]:
                if read.index != "orders_open":
                    return inner.read(read)[0]
                whole = replace(read, limit=0)
                if whole not in seen:
                    [seen[whole]] = inner.read(whole)
                return seen[whole][: read.limit]

        return Snapshot()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_the_oldest_are_preferred(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    orders = []
    for _ in range(CHOICE + 4):
        clock.advance(timedelta(seconds=1))
        orders.append(desk.order(shopper, "0.01")["id"])
    left = list(orders)
    while left:
        found = ask(desk, claimer).body["order_id"]
        assert found in left[:CHOICE]
        left.remove(found)
    assert ask(desk, claimer).status == 204


def test_there_is_none_only_when_every_shard_was_read_to_its_end(desk: Desk) -> None:
    """The matching order is behind many others, and each shard is longer than its first read."""
    shopper, claimer = desk.shopper(), desk.claimer()
    wanted = desk.order(shopper, "0.5")["id"]
    _copies(wanted, 20 * OPEN_SHARDS, amount=1)
    found = ask(desk, claimer, {"min_amount": "0.5"})
    assert (found.status, found.body["order_id"]) == (201, wanted)
    assert ask(desk, claimer, {"min_amount": "0.5"}).status == 204


def test_whoever_is_always_late_is_asked_to_come_again(desk: Desk) -> None:
    shopper, fast, slow = desk.shopper(), desk.claimer(), desk.claimer()
    for _ in range(3):
        desk.order(shopper, "0.1")
    with resources.override(database=Frozen(resources.database())):
        while ask(desk, fast).status == 201:
            pass
        answer = ask(desk, slow)
        refused(answer, 503, "CONTENTION")
        assert answer.headers["Retry-After"] == "0.2"
    assert ask(desk, slow).status == 204
    assert len(desk.get("/claims", fast)["items"]) == 3


def test_claimers_spread_over_more_orders_the_more_of_them_are_late(desk: Desk) -> None:
    """At the same eight orders, a crowd of claimers would stay in each other's way."""
    shopper, fast, slow = desk.shopper(), desk.claimer(), desk.claimer()
    _copies(desk.order(shopper, "0.001")["id"], 200)
    any_order = open_orders.Criteria.of(None, None, None, slow)
    oldest = [entry["order_id"] for entry in open_orders.oldest(any_order, 14)]
    with resources.override(database=Frozen(resources.database())):
        assert len(open_orders.oldest(any_order, 300)) == 201  # from now on nobody sees that one is claimed
        for order in oldest:
            desk.claimed(fast, order)
        random.seed(1)
        assert ask(desk, slow).body["order_id"] not in oldest


def test_one_who_asks_twice_never_gets_the_same_order(desk: Desk) -> None:
    """Workers of one account share its claims; each must get a different order."""
    shopper, claimer = desk.shopper(), desk.claimer()
    desk.order(shopper, "0.1")
    with resources.override(database=Frozen(resources.database())):
        assert ask(desk, claimer).status == 201
        refused(ask(desk, claimer), 503, "CONTENTION")
    assert ask(desk, claimer).status == 204


def test_a_service_that_names_a_wallet_passes_over_its_owners_orders(desk: Desk) -> None:
    shopper, other = desk.person("shopper"), desk.shopper()
    wallet = desk.wallet(shopper, ether=5)
    desk.supply(shopper, "1")
    own = desk.order(shopper, "0.1")
    service: dict[str, Any] = {"roles": ("service",)}
    assert ask(desk, "svc", {"wallet_id": wallet}, **service).status == 204
    theirs = desk.order(other, "0.1")
    found = ask(desk, "svc", {"wallet_id": wallet}, **service)
    assert (found.status, found.body["order_id"], found.body["user_id"]) == (201, theirs["id"], shopper)
    assert desk.get(f"/orders/{own['id']}", shopper)["status"] == "open"


def test_who_holds_enough_gets_no_more(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    for _ in range(21):
        desk.order(shopper, "0.01")
    assert [ask(desk, claimer).status for _ in range(20)] == [201] * 20
    assert refused(ask(desk, claimer), 409, "CLAIM_LIMIT")["data"] == {"limit": 20}


def test_a_search_that_finds_nothing_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: an amount that no order has made each call read the whole market, and again for each retry."""
    claimer, shopper = desk.claimer(), desk.shopper()
    for _ in range(6):
        desk.order(shopper, "0.1")
    monkeypatch.setattr(open_orders, "SEARCHED", 5)
    answer = ask(desk, claimer, {"min_amount": "1000"})
    assert (answer.status, answer.code) == (409, "NONE_AMONG_OLDEST")
    assert answer.body["error"]["data"] == {"searched": 5}
    assert ask(desk, claimer, {"min_amount": "0.05"}).status == 201
    assert ask(desk, claimer, {"min_amount": "1000"}).status == 204, "five are left"
