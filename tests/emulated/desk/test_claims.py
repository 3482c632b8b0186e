"""Keep, lose, reject and find claims."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock

MINUTE = timedelta(minutes=1)


def test_heartbeats_extend_the_lease_up_to_two_hours(desk: Desk, clock: TestClock) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    path, begun = f"/claims/{claim['id']}/heartbeat", clock.now()
    assert desk.app.ok(200, "POST", path, {"epoch": 1}, user=claimer) == claim
    refused(desk.app.call("POST", path, {"epoch": 2}, user=claimer), 409, "LEASE_LOST")
    assert desk.app.call("POST", path, user=shopper).status == 403
    for _ in range(11):
        clock.advance(10 * MINUTE)
        seen = desk.app.ok(200, "POST", path, user=claimer)
        desk.app.schedule("fire_timers")
    assert datetime.fromisoformat(seen["lease_until"]) == begun + timedelta(hours=2)
    clock.advance(10 * MINUTE)
    refused(desk.app.call("POST", path, user=claimer), 409, "LEASE_LOST")
    desk.app.schedule("fire_timers")
    assert desk.get(f"/claims/{claim['id']}", claimer)["status"] == "expired"
    desk.claimed(desk.claimer(), order["id"])


def test_the_owner_rejects_a_claim(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    path = f"/claims/{claim['id']}/reject"
    refused(desk.app.call("POST", path, user=shopper), 422, "VALIDATION_FAILED", "reason")
    assert desk.app.call("POST", path, {"reason": "no"}, user=claimer).status == 403
    seen = desk.app.ok(200, "POST", path, {"reason": "wrong city"}, user=shopper)
    assert (seen["status"], seen["reason"]) == ("rejected", "wrong city")
    assert desk.get(f"/orders/{order['id']}", claimer)["status"] == "open"
    assert desk.events(claimer)[-1] == "claim.rejected"
    answer = desk.app.call("POST", path, {"reason": "again"}, user=shopper)
    assert refused(answer, 409, "INVALID_STATE")["data"] == {"status": "rejected"}


def test_the_next_claim_is_any_order_that_matches(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    orders = [desk.order(shopper, price)["id"] for price in ("0.1", "0.2", "0.3")]
    found = desk.app.ok(201, "POST", "/claims/next", {"min_amount": "0.3"}, user=claimer)
    assert found["order_id"] == orders[2]
    answer = desk.app.call("POST", "/claims/next", {"min_amount": "0.3"}, user=claimer)
    assert (answer.status, answer.text) == (204, "")
    first = desk.app.call("POST", "/claims/next", {"currency": "ETH"}, user=claimer, key="n")
    again = desk.app.call("POST", "/claims/next", {"currency": "ETH"}, user=claimer, key="n")
    assert (first.status, again.status, again.text) == (201, 201, first.text)
    desk.app.ok(201, "POST", "/claims/next", user=claimer)
    assert desk.app.call("POST", "/claims/next", user=claimer).status == 204
    late = desk.app.call("POST", "/claims/next", {"currency": "ETH"}, user=claimer, key="n")
    assert (late.status, late.text) == (201, first.text)
    assert desk.app.call("POST", "/claims/next", user=shopper).status == 204
    refused(desk.app.call("POST", "/claims/next", {"chain": "mars"}, user=claimer), 422, "UNKNOWN_CHAIN")


def test_many_who_ask_for_the_next_get_one_each(desk: Desk) -> None:
    shopper = desk.shopper()
    orders = {desk.order(shopper, "0.01")["id"] for _ in range(20)}
    claimers = [desk.person("rival") for _ in range(30)]
    desk.wallets(claimers)

    def ask(user: str) -> tuple[int, str | None]:
        while (answer := desk.app.call("POST", "/claims/next", user=user)).status == 503:
            assert answer.headers["Retry-After"] == "0.2"
        return answer.status, answer.body and answer.body["order_id"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, claimers))
    assert Counter(status for status, _ in answers) == {201: 20, 204: 10}
    assert {order for _, order in answers if order} == orders
