"""Leases and expiry: reads and writes enforce them at once, timers record them later."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared import resources
from shared.desk import timers
from shared.store.session import Session
from shared.store.tables.system import TIMERS, timer
from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk, figures
from tests.support.clock import TestClock

MINUTE = timedelta(minutes=1)


def later(clock: TestClock, minutes: float) -> str:
    return (clock.now() + minutes * MINUTE).isoformat().replace("+00:00", "Z")


def fire(desk: Desk) -> None:
    assert desk.app.schedule("fire_timers").status == 204


def test_an_expired_order_is_refused_at_once_and_released_by_the_timer(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper, expires_at=later(clock, 10))
    supply = order["allocations"][0]["supply_id"]
    fire(desk)
    assert desk.get(f"/orders/{order['id']}", claimer)["status"] == "open"
    clock.advance(10 * MINUTE)
    refused(desk.claim(claimer, order["id"]), 409, "ORDER_EXPIRED")
    assert (
        desk.app.call(
            "GET", f"/orders/{order['id']}", user=claimer, headers={"Cache-Control": "no-cache"}
        ).status
        == 404
    )
    assert figures(desk.get(f"/supplies/{supply}", shopper))[2] == "0.5"
    fire(desk)
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "expired"
    assert figures(desk.get(f"/supplies/{supply}", shopper)) == ("2", "2", "0", "0")
    assert desk.events(shopper)[-2:] == ["supply.updated", "order.expired"]
    refused(desk.claim(claimer, order["id"]), 409, "ORDER_EXPIRED")


def test_an_expired_order_is_not_cancelled_and_expires_when_it_is_deleted(
    desk: Desk, clock: TestClock
) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper, expires_at=later(clock, 10))
    clock.advance(10 * MINUTE)
    answer = desk.app.call("POST", f"/orders/{order['id']}/cancel", user=shopper)
    assert refused(answer, 409, "INVALID_STATE")["data"] == {"status": "expired"}
    assert desk.app.call("DELETE", f"/orders/{order['id']}", user=shopper).status == 204
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "expired"
    supply = desk.get(f"/supplies/{order['allocations'][0]['supply_id']}", shopper)
    assert figures(supply) == ("2", "2", "0", "0")
    assert desk.events(shopper)[-3:] == ["supply.updated", "order.expired", "order.deleted"]
    fire(desk)


def test_a_lapsed_lease_gives_the_order_back(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    assert datetime.fromisoformat(claim["lease_until"]) == clock.now() + 15 * MINUTE
    clock.advance(15 * MINUTE)
    answer = desk.app.call("POST", f"/claims/{claim['id']}/release", user=claimer)
    assert refused(answer, 409, "LEASE_LOST")["data"] == {"status": "expired"}
    answer = desk.app.call("POST", f"/claims/{claim['id']}/process", user=shopper)
    assert refused(answer, 409, "INVALID_STATE")["data"] == {"status": "expired"}
    fire(desk)
    seen = desk.get(f"/claims/{claim['id']}", claimer)
    assert (seen["status"], seen["reason"]) == ("expired", "LEASE_EXPIRED")
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "open"
    assert desk.events(shopper)[-2:] == ["claim.expired", "order.reopened"]


def test_a_lapsed_claim_is_not_listed_as_held(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    lapsing = desk.claimed(claimer, desk.order(shopper)["id"])
    clock.advance(10 * MINUTE)
    held = desk.claimed(claimer, desk.order(shopper)["id"])
    clock.advance(5 * MINUTE)
    listed = desk.get("/claims?status=claimed", claimer)
    assert ([one["id"] for one in listed["items"]], listed["next_cursor"]) == ([held["id"]], None)
    every = {one["id"]: one["status"] for one in desk.get("/claims", claimer)["items"]}
    assert every == {lapsing["id"]: "expired", held["id"]: "claimed"}


def test_a_lapsed_claim_does_not_wait_for_the_timer(desk: Desk, clock: TestClock) -> None:
    shopper, first, second = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    lapsed = desk.claimed(first, order["id"])
    clock.advance(14 * MINUTE)
    refused(desk.claim(second, order["id"]), 409, "ORDER_ALREADY_CLAIMED")
    clock.advance(MINUTE)
    claim = desk.claimed(second, order["id"])
    assert claim["epoch"] > lapsed["epoch"]
    assert desk.get(f"/claims/{lapsed['id']}", first)["status"] == "expired"
    refused(desk.app.call("POST", f"/claims/{lapsed['id']}/release", user=first), 409, "LEASE_LOST")
    fire(desk)
    assert desk.get(f"/claims/{claim['id']}", second)["status"] == "claimed"
    clock.advance(15 * MINUTE)
    assert desk.claimed(first, order["id"])["epoch"] > claim["epoch"]


def test_a_claim_that_lapses_after_its_order_expired_returns_the_reservation(
    desk: Desk, clock: TestClock
) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper, expires_at=later(clock, 5))
    claim = desk.claimed(claimer, order["id"])
    assert datetime.fromisoformat(claim["lease_until"]) == clock.now() + 5 * MINUTE
    clock.advance(5 * MINUTE)
    fire(desk)
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "expired"
    supply = desk.get(f"/supplies/{order['allocations'][0]['supply_id']}", shopper)
    assert figures(supply) == ("2", "2", "0", "0")


def test_a_supply_closes_at_its_time_once_nothing_is_reserved(desk: Desk, clock: TestClock) -> None:
    shopper = desk.shopper(supply=None)
    supply = desk.supply(shopper, "2", expires_at=later(clock, 10))
    order = desk.order(shopper)
    clock.advance(10 * MINUTE)
    fire(desk)
    assert desk.get(f"/supplies/{supply['id']}", shopper)["status"] == "active"
    body = {
        "currency": "ETH",
        "items": [{"product_id": "a", "product_name": "b", "price": "1", "quantity": 1}],
    }
    refused(desk.app.call("POST", "/orders", body, user=shopper), 409, "INSUFFICIENT_SUPPLY")
    desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    clock.advance(2 * MINUTE)
    fire(desk)
    seen = desk.get(f"/supplies/{supply['id']}", shopper)
    assert (seen["status"], *figures(seen)) == ("closed", "0", "0", "0", "0")


def test_a_timer_of_the_release_before_checks_a_supply(desk: Desk, clock: TestClock) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=user)
    fire(desk)
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "pending"
    of_the_release_before = timer(timers.SUPPLY_CHECK, made["id"], clock.now() + MINUTE)
    resources.database().write([TIMERS.write("insert", of_the_release_before)])
    clock.advance(1.1 * MINUTE)
    fire(desk)
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "active"
    assert of_the_release_before not in Session(resources.database().snapshot()).many(TIMERS.scan())


def test_a_supply_without_event_or_timer_is_found_after_a_minute(desk: Desk, clock: TestClock) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=user)
    clock.advance(1.1 * MINUTE)
    fire(desk)
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "active"


def ids(desk: Desk, user: str, path: str) -> list[str]:
    """The ids in a list, read page by page."""
    found, cursor = [], ""
    while True:
        page = desk.get(f"{path}&limit=2{cursor}", user)
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_lists_by_status_show_what_is_over_as_reading_it_does(desk: Desk, clock: TestClock) -> None:
    """Lists agree with single reads, before a timer has recorded the end and after it."""
    shopper, claimer = desk.shopper(), desk.claimer()
    lapsing = [desk.claimed(claimer, desk.order(shopper, "0.1")["id"]) for _ in range(3)]
    ending = [desk.order(shopper, "0.1", expires_at=later(clock, 15))["id"] for _ in range(3)]
    clock.advance(10 * MINUTE)
    held = [desk.claimed(claimer, desk.order(shopper, "0.1")["id"])["id"] for _ in range(3)]
    lasting = [desk.order(shopper, "0.1")["id"] for _ in range(3)]
    clock.advance(5 * MINUTE)
    lapsed = {claim["id"] for claim in lapsing}

    def agree() -> None:
        assert set(ids(desk, claimer, "/claims?status=expired")) == lapsed
        assert set(ids(desk, claimer, "/claims?status=claimed")) == set(held)
        for claim in lapsing:
            of_order = f"/claims?order_id={claim['order_id']}"
            assert ids(desk, shopper, f"{of_order}&status=expired") == [claim["id"]]
            assert ids(desk, shopper, f"{of_order}&status=claimed") == []
        assert set(ids(desk, shopper, "/orders?status=expired")) == set(ending)
        assert not set(ending) & set(ids(desk, shopper, "/orders?status=open"))
        assert set(lasting) <= set(ids(desk, shopper, "/orders?status=open"))
        every = {one["id"]: one["status"] for one in desk.get("/orders", shopper)["items"]}
        for order in [*ending, *lasting]:
            assert every[order] == desk.get(f"/orders/{order}", shopper)["status"]
            assert every[order] == desk.app.ok(200, "GET", f"/orders/{order}", user=shopper)["status"]
        assert {every[order] for order in ending} == {"expired"}

    agree()
    noted = desk.app.ok(200, "PUT", f"/orders/{ending[0]}", {"note": "late"}, user=shopper)
    assert (noted["status"], desk.feed(shopper, "order.updated")["data"]["status"]) == ("expired", "expired")
    fire(desk)
    agree()
    for supply in desk.get("/supplies?status=active", shopper)["items"]:
        assert desk.get(f"/supplies/{supply['id']}", shopper) == supply
