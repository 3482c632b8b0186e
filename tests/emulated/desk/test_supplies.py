"""Change and close supplies, and read their ledgers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk, figures
from tests.support.clock import TestClock


def change(desk: Desk, user: str, supply: str, **body: Any) -> Any:
    return desk.app.ok(200, "PUT", f"/supplies/{supply}", body, user=user)


def test_the_amount_rises_within_the_balance_and_falls_to_what_is_in_use(desk: Desk) -> None:
    shopper = desk.shopper(ether=3, supply=None)
    supply = desk.supply(shopper, "1")["id"]
    desk.order(shopper, "0.4")
    assert figures(change(desk, shopper, supply, amount="2.5")) == ("2.5", "2.1", "0.4", "0")
    answer = desk.app.call("PUT", f"/supplies/{supply}", {"amount": "3"}, user=shopper)
    refused(answer, 409, "INSUFFICIENT_GAS")
    answer = desk.app.call("PUT", f"/supplies/{supply}", {"amount": "9"}, user=shopper)
    refused(answer, 409, "INSUFFICIENT_BALANCE")
    answer = desk.app.call("PUT", f"/supplies/{supply}", {"amount": "0.3"}, user=shopper)
    assert refused(answer, 409, "AMOUNT_IN_USE")["data"] == {"minimum": "0.4"}
    seen = change(desk, shopper, supply, amount="0.4")
    assert (seen["status"], *figures(seen)) == ("exhausted", "0.4", "0", "0.4", "0")
    assert change(desk, shopper, supply, amount="1")["status"] == "active"
    assert desk.events(shopper)[-3:] == ["supply.updated", "supply.exhausted", "supply.updated"]


def test_a_paused_supply_takes_no_reservations(desk: Desk) -> None:
    shopper = desk.shopper(supply=None)
    supply = desk.supply(shopper, "1")["id"]
    order = desk.order(shopper, "0.4")
    paused = change(desk, shopper, supply, status="paused")
    assert (paused["status"], paused["reason"]) == ("paused", None)
    assert change(desk, shopper, supply, status="paused") == paused
    body = {
        "currency": "ETH",
        "items": [{"product_id": "a", "product_name": "b", "price": "0.1", "quantity": 1}],
    }
    refused(desk.app.call("POST", "/orders", body, user=shopper), 409, "INSUFFICIENT_SUPPLY")
    desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    assert change(desk, shopper, supply, status="active")["status"] == "active"
    assert desk.events(shopper)[-3:] == ["supply.updated", "order.cancelled", "supply.resumed"]


def test_a_supply_closes_when_nothing_is_reserved(desk: Desk) -> None:
    shopper, other = desk.shopper(supply=None), desk.shopper()
    supply = desk.supply(shopper, "1")["id"]
    order = desk.order(shopper, "0.4")
    answer = desk.app.call("DELETE", f"/supplies/{supply}", user=shopper)
    assert refused(answer, 409, "SUPPLY_RESERVED")["data"] == {"reserved": "0.4"}
    assert desk.app.call("DELETE", f"/supplies/{supply}", user=other).status == 404
    desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    answer = desk.app.call("DELETE", f"/supplies/{supply}", user=shopper)
    assert (answer.status, answer.text) == (204, "")
    seen = desk.get(f"/supplies/{supply}", shopper)
    assert (seen["status"], *figures(seen)) == ("closed", "0", "0", "0", "0")
    refused(desk.app.call("DELETE", f"/supplies/{supply}", user=shopper), 409, "INVALID_STATE")
    refused(desk.app.call("PUT", f"/supplies/{supply}", {"amount": "1"}, user=shopper), 409, "INVALID_STATE")
    assert desk.supply(shopper, "9")["status"] == "active"


@pytest.mark.parametrize("body", [{"amount": "0"}, {"amount": 1}, {"status": "closed"}, {"currency": "ETH"}])
def test_a_bad_change_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    shopper = desk.shopper(supply=None)
    supply = desk.supply(shopper, "1")
    path = f"/supplies/{supply['id']}"
    refused(desk.app.call("PUT", path, body, user=shopper), 422, "VALIDATION_FAILED", next(iter(body)))
    assert desk.get(path, shopper) == supply
    assert desk.app.call("PUT", path, {"amount": "2"}, user=desk.shopper()).status == 404
    stale = desk.app.call("PUT", path, {"amount": "2"}, user=shopper, headers={"If-Match": '"1"'})
    refused(stale, 412, "VERSION_MISMATCH")


def test_the_expiry_can_be_moved_and_taken_away(desk: Desk, clock: TestClock) -> None:
    shopper = desk.shopper(supply=None)
    soon = (clock.now() + timedelta(minutes=5)).isoformat()
    supply = desk.supply(shopper, "1", expires_at=soon)["id"]
    later = (clock.now() + timedelta(minutes=9)).isoformat()
    assert change(desk, shopper, supply, expires_at=later)["expires_at"] == later.replace("+00:00", "Z")
    assert change(desk, shopper, supply, expires_at=None)["expires_at"] is None
    clock.advance(timedelta(minutes=10))
    desk.app.schedule("fire_timers")
    assert desk.get(f"/supplies/{supply}", shopper)["status"] == "active"
    change(desk, shopper, supply, expires_at=(clock.now() + timedelta(minutes=1)).isoformat())
    clock.advance(timedelta(minutes=1))
    desk.app.schedule("fire_timers")
    assert desk.get(f"/supplies/{supply}", shopper)["status"] == "closed"


def test_the_ledger_says_how_each_balance_came_about(desk: Desk, clock: TestClock) -> None:
    shopper = desk.shopper(supply=None)
    supply = desk.supply(shopper, "1")["id"]
    first = clock.now()
    clock.advance(timedelta(minutes=1))
    order = desk.order(shopper, "0.4")
    second = clock.now()
    clock.advance(timedelta(minutes=1))
    desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    change(desk, shopper, supply, amount="0.5")

    ledger = desk.get(f"/supplies/{supply}/ledger", shopper)
    told = [
        (line["verb"], line["account"], line["amount"], line["balance_after"]) for line in ledger["items"]
    ]
    assert told[::-1] == [
        ("fund", "external", "-1", "-1"),
        ("fund", "available", "1", "1"),
        ("reserve", "available", "-0.4", "0.6"),
        ("reserve", "reserved", "0.4", "0.4"),
        ("release", "reserved", "-0.4", "0"),
        ("release", "available", "0.4", "1"),
        ("withdraw", "available", "-0.5", "0.5"),
        ("withdraw", "external", "0.5", "-0.5"),
    ]
    assert ledger["items"][2]["reference"] == order["id"]
    assert ledger["balances"] == {"available": "0.5", "reserved": "0", "settled": "0", "external": "-0.5"}
    paged, cursor = [], None
    while True:
        page = desk.get(
            f"/supplies/{supply}/ledger?limit=3" + (f"&cursor={cursor}" if cursor else ""), shopper
        )
        paged += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert paged == ledger["items"]

    def at(moment: Any) -> Any:
        return desk.get(f"/supplies/{supply}/ledger?at={moment.isoformat().replace('+00:00', 'Z')}", shopper)

    assert at(first)["balances"]["available"] == "1"
    assert [line["verb"] for line in at(second)["items"]] == ["reserve", "reserve", "fund", "fund"]
    assert at(second)["balances"] == {"available": "0.6", "reserved": "0.4", "settled": "0", "external": "-1"}
    assert at(first - timedelta(days=1))["balances"]["available"] == "0"
    assert desk.app.call("GET", f"/supplies/{supply}/ledger", user=desk.shopper()).status == 404


def test_a_moment_of_the_ledger_includes_what_happened_at_it_and_nothing_later(
    desk: Desk, clock: TestClock
) -> None:
    """Exact to the microsecond; also if several things happened at one moment, and across pages."""
    shopper = desk.shopper(supply=None)
    made = clock.now()
    supply = desk.supply(shopper, "1")["id"]
    clock.advance(timedelta(minutes=1))
    moved = clock.now()
    desk.order(shopper, "0.4")
    change(desk, shopper, supply, amount="0.9")
    clock.advance(timedelta(microseconds=1))
    change(desk, shopper, supply, amount="0.5")

    def at(moment: Any, more: str = "") -> Any:
        text = moment.isoformat().replace("+00:00", "Z")
        return desk.get(f"/supplies/{supply}/ledger?at={text}{more}", shopper)

    instant = timedelta(microseconds=1)
    for moment, balances, lines in (
        (made - instant, ("0", "0", "0"), 0),
        (made, ("1", "0", "-1"), 2),
        (moved - instant, ("1", "0", "-1"), 2),
        (moved, ("0.5", "0.4", "-0.9"), 6),
        (moved + instant, ("0.1", "0.4", "-0.5"), 8),
        (moved + timedelta(days=9), ("0.1", "0.4", "-0.5"), 8),
    ):
        seen = at(moment)
        told = (seen["balances"]["available"], seen["balances"]["reserved"], seen["balances"]["external"])
        assert (told, len(seen["items"])) == (balances, lines), moment
    first = at(moved, "&limit=5")
    rest = at(moved, f"&limit=5&cursor={first['next_cursor']}")
    assert (first["items"] + rest["items"], rest["next_cursor"]) == (at(moved)["items"], None)
    assert rest["balances"] == first["balances"]
    answer = desk.app.call(
        "GET", f"/supplies/{supply}/ledger?limit=5&cursor={first['next_cursor']}", user=shopper
    )
    refused(answer, 400, "INVALID_CURSOR")
