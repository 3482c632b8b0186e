"""Change, hide and find orders."""

from __future__ import annotations

from datetime import timedelta

from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk, figures
from tests.support.clock import TestClock


def test_note_and_expiry_change_and_nothing_else(desk: Desk, clock: TestClock) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper, note="first")
    path = f"/orders/{order['id']}"
    noted = desk.app.ok(200, "PUT", path, {"note": "second"}, user=shopper)
    assert (noted["note"], noted["version"]) == ("second", 2)
    assert desk.app.ok(200, "PUT", path, {"note": "second"}, user=shopper)["version"] == 2
    assert desk.app.ok(200, "PUT", path, {"note": None}, user=shopper)["note"] is None
    soon = (clock.now() + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert desk.app.ok(200, "PUT", path, {"expires_at": soon}, user=shopper)["expires_at"] == soon
    refused(desk.app.call("PUT", path, {"items": []}, user=shopper), 422, "VALIDATION_FAILED", "items")
    assert desk.app.call("PUT", path, {"note": "x"}, user=desk.shopper()).status == 404
    clock.advance(timedelta(minutes=1))
    desk.app.schedule("fire_timers")
    assert desk.get(path, shopper)["status"] == "expired"
    answer = desk.app.call("PUT", path, {"expires_at": None}, user=shopper)
    assert refused(answer, 409, "INVALID_STATE")["data"] == {"status": "expired"}


def test_a_deleted_order_is_hidden_and_gives_back(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    open_one, claimed = desk.order(shopper, "0.5"), desk.order(shopper, "0.5")
    desk.claimed(claimer, claimed["id"])
    for order in (open_one, claimed):
        assert desk.app.call("DELETE", f"/orders/{order['id']}", user=claimer).status == 404
        assert desk.app.call("DELETE", f"/orders/{order['id']}", user=shopper).status == 204
        assert desk.app.call("DELETE", f"/orders/{order['id']}", user=shopper).status == 204
    assert desk.get("/orders", shopper)["items"] == []
    assert desk.get(f"/orders/{open_one['id']}", shopper)["status"] == "cancelled"
    assert desk.get(f"/orders/{claimed['id']}", shopper)["status"] == "claimed"
    supply = desk.get(f"/supplies/{open_one['allocations'][0]['supply_id']}", shopper)
    assert figures(supply) == ("2", "1.5", "0.5", "0")
    assert desk.events(shopper).count("order.deleted") == 2
    (claim,) = desk.get("/claims", claimer)["items"]
    desk.app.ok(200, "POST", f"/claims/{claim['id']}/release", user=claimer)
    assert desk.get(f"/orders/{claimed['id']}", shopper)["status"] == "expired"


def test_open_orders_of_others_are_found(desk: Desk, clock: TestClock) -> None:
    shopper, other = desk.shopper(), desk.shopper()
    placed = []
    for number in range(1, 31):
        clock.advance(timedelta(seconds=1))
        placed.append(desk.order(shopper, f"0.0{number:02}")["id"])
    clock.advance(timedelta(seconds=1))
    soon = (clock.now() + timedelta(seconds=5)).isoformat()
    ending = desk.order(shopper, "0.001", expires_at=soon)["id"]
    own = desk.order(other, "0.001")["id"]

    def available(query: str = "") -> list[str]:
        found, cursor = [], ""
        while True:
            page = desk.get(f"/orders/available?limit=7{query}{cursor}", other)
            assert len(page["items"]) <= 7
            found += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert not any({"allocations", "note", "claim_id"} & one.keys() for one in found)
        return [one["id"] for one in found]

    assert available() == [ending, *placed[::-1]]
    assert available("&chain=local&currency=ETH&min_amount=0.011") == placed[:9:-1]
    assert available("&min_amount=5") == []
    claim = desk.claimed(desk.claimer(), placed[-1])
    assert placed[-1] not in available()
    clock.advance(timedelta(seconds=5))
    assert available() == placed[-2::-1]
    assert claim["order_id"] == placed[-1]
    assert own in [one["id"] for one in desk.get("/orders/available?limit=100", shopper)["items"]]
    refused(desk.app.call("GET", "/orders/available?chain=mars", user=other), 422, "UNKNOWN_CHAIN")
    page = desk.get("/orders/available?limit=7", other)
    other_filter = f"/orders/available?limit=7&min_amount=1&cursor={page['next_cursor']}"
    refused(desk.app.call("GET", other_filter, user=other), 400, "INVALID_CURSOR")
