"""The chain's balance compared with promises: supplies pause and resume."""

from __future__ import annotations

from datetime import timedelta

from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk, figures
from tests.support.clock import TestClock


def watch(desk: Desk) -> None:
    assert desk.app.schedule("watch_balances").status == 204


def status(desk: Desk, user: str, supply: str) -> tuple[str, str | None]:
    seen = desk.get(f"/supplies/{supply}", user)
    return seen["status"], seen["reason"]


def test_a_shortfall_pauses_the_newest_supplies_and_coverage_resumes_them(desk: Desk) -> None:
    shopper = desk.person()
    wallet = desk.wallet(shopper, ether=5)
    old, new = (desk.supply(shopper, "2")["id"] for _ in range(2))
    order = desk.order(shopper, "0.5", supply_ids=[new])
    watch(desk)
    assert status(desk, shopper, new) == ("active", None)
    desk.fund(desk.address(wallet), 3)
    watch(desk)
    assert (status(desk, shopper, old), status(desk, shopper, new)) == (
        ("active", None),
        ("paused", "underfunded"),
    )
    assert figures(desk.get(f"/supplies/{new}", shopper)) == ("2", "1.5", "0.5", "0")
    assert desk.events(shopper)[-1] == "supply.paused"
    answer = desk.app.call("PUT", f"/supplies/{new}", {"status": "active"}, user=shopper)
    refused(answer, 409, "INSUFFICIENT_BALANCE")
    watch(desk)
    desk.fund(desk.address(wallet), 5)
    watch(desk)
    assert status(desk, shopper, new) == ("active", None)
    assert desk.events(shopper)[-2:] == ["supply.paused", "supply.resumed"]
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "open"


def test_a_closed_supply_makes_room_for_a_paused_one(desk: Desk) -> None:
    shopper = desk.person()
    wallet = desk.wallet(shopper, ether=5)
    old, new = (desk.supply(shopper, "2")["id"] for _ in range(2))
    desk.fund(desk.address(wallet), 3)
    watch(desk)
    assert status(desk, shopper, new) == ("paused", "underfunded")
    desk.app.call("DELETE", f"/supplies/{old}", user=shopper)
    watch(desk)
    assert status(desk, shopper, new) == ("active", None)


def test_what_its_owner_paused_is_not_resumed(desk: Desk) -> None:
    shopper = desk.person()
    wallet = desk.wallet(shopper, ether=5)
    supply = desk.supply(shopper, "2")["id"]
    desk.app.ok(200, "PUT", f"/supplies/{supply}", {"status": "paused"}, user=shopper)
    desk.fund(desk.address(wallet), 1)
    watch(desk)
    desk.fund(desk.address(wallet), 5)
    watch(desk)
    assert status(desk, shopper, supply) == ("paused", None)


def test_a_payout_on_its_way_is_no_shortfall(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    wallet = desk.imported(shopper, ether=1.02)
    supply = desk.supply(shopper, "1", wallet_id=wallet)["id"]
    order = desk.order(shopper, "0.5")
    claim = desk.claimed(claimer, order["id"])
    started = desk.process(shopper, claim["id"])
    (payment,) = started["settlement"]["payments"]
    desk.react("dispatch_lane", "transaction.accepted", payment["transaction_id"])
    desk.rpc("anvil_mine", "0x3")
    watch(desk)
    assert status(desk, shopper, supply) == ("active", None)
    assert desk.drive(claim["id"], shopper)["status"] == "processed"
    watch(desk)
    assert status(desk, shopper, supply) == ("active", None)


def test_a_lapsed_lease_is_over_in_every_view(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    claim = desk.claimed(claimer, desk.order(shopper)["id"])
    desk.get(f"/claims/{claim['id']}", claimer)
    clock.advance(timedelta(minutes=15))
    cached = desk.app.ok(200, "GET", f"/claims/{claim['id']}", user=claimer)
    (listed,) = desk.get("/claims", claimer)["items"]
    assert cached == listed == desk.get(f"/claims/{claim['id']}", shopper)
    assert (cached["status"], cached["reason"], cached["lease_until"]) == ("expired", "LEASE_EXPIRED", None)
