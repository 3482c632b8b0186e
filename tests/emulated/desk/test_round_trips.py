"""The number of times that a request waits for the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import resources
from tests.emulated.desk.round_trips import CountingDatabase
from tests.emulated.desk.world import Desk


@pytest.fixture
def counting(desk: Desk) -> Iterator[CountingDatabase]:
    counted = CountingDatabase(resources.database())
    with resources.override(database=counted):
        yield counted


@pytest.mark.parametrize("named", [True, False])
def test_creating_a_supply_takes_two(desk: Desk, counting: CountingDatabase, named: bool) -> None:
    user = desk.person()
    wallet = desk.wallet(user, ether=3)
    body = {"currency": "ETH", "amount": "1"} | ({"wallet_id": wallet} if named else {})
    counting.trips.clear()
    desk.app.ok(201, "POST", "/supplies", body, user=user)
    assert len(counting.trips) <= 2


@pytest.mark.parametrize("supplies", [1, 3])
def test_placing_an_order_takes_three(desk: Desk, counting: CountingDatabase, supplies: int) -> None:
    shopper = desk.shopper(supply=None)
    for _ in range(supplies):
        desk.supply(shopper, "1")
    counting.trips.clear()
    desk.order(shopper, "0.9", supplies)
    assert len(counting.trips) <= 3


@pytest.mark.parametrize("named", [True, False])
def test_a_claim_takes_three_round_trips(desk: Desk, counting: CountingDatabase, named: bool) -> None:
    shopper, claimer = desk.shopper(), desk.person()
    wallet = desk.wallet(claimer)
    order = desk.order(shopper)
    counting.trips.clear()
    assert desk.claim(claimer, order["id"], **({"wallet_id": wallet} if named else {})).status == 201
    assert len(counting.trips) <= 3


def test_a_service_that_names_a_wallet_takes_three(desk: Desk, counting: CountingDatabase) -> None:
    shopper, claimer = desk.shopper(), desk.person()
    wallet = desk.wallet(claimer)
    body = {"order_id": desk.order(shopper)["id"], "wallet_id": wallet}
    counting.trips.clear()
    claim = desk.app.ok(201, "POST", "/claims", body, user="svc", roles=("service",))
    assert (claim["user_id"], len(counting.trips)) == (claimer, 3)


def test_a_loser_costs_the_order_and_its_own_record(desk: Desk, counting: CountingDatabase) -> None:
    shopper, claimer, loser = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    desk.claimed(claimer, order["id"])
    counting.trips.clear()
    assert desk.claim(loser, order["id"]).status == 409
    assert counting.trips == ["read in transaction: orders", "read in transaction: operations"]


def test_a_cached_get_takes_none(desk: Desk, counting: CountingDatabase) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    for path, user in {f"/orders/{order['id']}": shopper, f"/claims/{claim['id']}": claimer}.items():
        first = desk.app.ok(200, "GET", path, user=user)
        counting.trips.clear()
        again = desk.app.call("GET", path, user=user)
        assert (again.body, again.headers["ETag"]) == (first, f'"{first["version"]}"')
        assert len(counting.trips) == 0
