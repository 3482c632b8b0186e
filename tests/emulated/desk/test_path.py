"""The main path, up to the payment: supply, order, claim."""

from __future__ import annotations

from tests.emulated.desk.world import NO_CACHE, Desk, figures


def test_a_supply_becomes_active_when_its_wallet_covers_it(desk: Desk) -> None:
    user = desk.person()
    wallet = desk.wallet(user, ether=3)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=user)
    assert made["status"] == "pending"
    assert made["wallet_id"] == wallet
    assert figures(made) == ("2", "2", "0", "0")
    desk.react("on_supply_created", "supply.created", made["id"])
    seen = desk.get(f"/supplies/{made['id']}", user)
    assert (seen["status"], seen["version"]) == ("active", 2)
    assert desk.events(user) == ["supply.created", "supply.activated"]


def test_an_order_reserves_and_a_claim_takes_it(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper, "0.25", 3)
    assert (order["amount"], order["status"]) == ("0.75", "open")
    (part,) = order["allocations"]
    supply = desk.get(f"/supplies/{part['supply_id']}", shopper)
    assert figures(supply) == ("2", "1.25", "0.75", "0")

    claim = desk.claimed(claimer, order["id"])
    assert (claim["status"], claim["epoch"], claim["amount"]) == ("claimed", 1, "0.75")
    assert claim["settlement"] == {"status": "none", "payments": []}
    assert desk.get(f"/orders/{order['id']}", shopper)["claim_id"] == claim["id"]
    public = desk.get(f"/orders/{order['id']}", claimer)
    assert public["status"] == "claimed"
    assert not {"allocations", "note", "claim_id"} & public.keys()
    assert desk.events(shopper)[-4:] == ["supply.updated", "order.created", "order.claimed", "claim.claimed"]
    assert desk.events(claimer) == ["order.claimed", "claim.claimed"]
    assert desk.feed(claimer, "order.claimed")["data"] == public
    assert desk.feed(shopper, "order.claimed")["data"] == desk.get(f"/orders/{order['id']}", shopper)


def test_released_orders_can_be_claimed_again_with_a_higher_epoch(desk: Desk) -> None:
    shopper, first, second = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(first, order["id"])
    released = desk.app.ok(200, "POST", f"/claims/{claim['id']}/release", user=first)
    assert (released["status"], released["lease_until"]) == ("released", None)
    again = desk.claimed(second, order["id"])
    assert again["epoch"] > claim["epoch"]
    assert again["id"] != claim["id"]
    late = desk.app.call("POST", f"/claims/{claim['id']}/release", user=first)
    assert (late.status, late.code) == (409, "LEASE_LOST")


def test_cancelling_returns_everything(desk: Desk) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    cancelled = desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    assert cancelled["status"] == "cancelled"
    supply = desk.get(f"/supplies/{order['allocations'][0]['supply_id']}", shopper)
    assert figures(supply) == ("2", "2", "0", "0")
    twice = desk.app.call("POST", f"/orders/{order['id']}/cancel", user=shopper)
    assert (twice.status, twice.body["error"]["data"]) == (409, {"status": "cancelled"})


def test_lists_show_ones_own_newest_first(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    placed = [desk.order(shopper, "0.1")["id"] for _ in range(5)]
    claims = [desk.claimed(claimer, order)["id"] for order in placed[:2]]
    first = desk.get("/orders?limit=3", shopper)
    rest = desk.get(f"/orders?limit=3&cursor={first['next_cursor']}", shopper)
    assert [o["id"] for o in first["items"] + rest["items"]] == placed[::-1]
    assert rest["next_cursor"] is None
    assert all(o["items"] and o["allocations"] for o in first["items"])
    assert [o["id"] for o in desk.get("/orders?status=claimed", shopper)["items"]] == placed[1::-1]
    assert [c["id"] for c in desk.get("/claims", claimer)["items"]] == claims[::-1]
    assert [c["id"] for c in desk.get(f"/claims?order_id={placed[0]}", shopper)["items"]] == [claims[0]]
    assert desk.app.call("GET", f"/claims?order_id={placed[0]}", user=claimer).status == 404
    assert len(desk.get("/supplies?currency=ETH&chain=local&status=active", shopper)["items"]) == 1
    assert desk.get("/orders", claimer)["items"] == []


def test_others_see_nothing_of_what_is_not_theirs(desk: Desk) -> None:
    shopper, claimer, stranger = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    supply = order["allocations"][0]["supply_id"]
    for path in (f"/supplies/{supply}", f"/orders/{order['id']}", f"/claims/{claim['id']}"):
        for headers in ({}, NO_CACHE):
            answer = desk.app.call("GET", path, user=stranger, headers=headers)
            assert (answer.status, answer.code) == (404, "NOT_FOUND"), path
    for path in (
        f"/orders/{order['id']}/cancel",
        f"/claims/{claim['id']}/release",
        f"/claims/{claim['id']}/process",
    ):
        assert desk.app.call("POST", path, user=stranger).status == 404
    assert desk.app.call("POST", f"/claims/{claim['id']}/release", user=shopper).status == 403
    assert desk.app.call("POST", f"/claims/{claim['id']}/process", user=claimer).status == 403
    assert desk.get(f"/claims/{claim['id']}", shopper) == claim


def test_ones_own_write_can_be_read_at_once(desk: Desk) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    path = f"/orders/{order['id']}"
    assert desk.app.ok(200, "GET", path, user=shopper) == order
    cancelled = desk.app.call("POST", f"{path}/cancel", user=shopper)
    newer = {"Min-Version": cancelled.headers["ETag"]}
    seen = desk.app.call("GET", path, user=shopper, headers=newer)
    assert (seen.body, seen.headers["ETag"]) == (cancelled.body, '"2"')
    desk.app.ok(200, "GET", path, user=desk.person("ops"), roles=("operator",))
