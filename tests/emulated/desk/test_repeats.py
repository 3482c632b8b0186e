"""The same request again, by HTTP and as a command: one effect, the same answer."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.emulated.desk.world import Desk, figures
from tests.support.inprocess import command

ITEMS = [{"product_id": "sku", "product_name": "A thing", "price": "0.5", "quantity": 1}]


def test_a_repeated_order_is_answered_byte_for_byte(desk: Desk) -> None:
    shopper = desk.shopper()
    body = {"currency": "ETH", "items": ITEMS, "note": "ünïcode"}
    first = desk.app.call("POST", "/orders", body, user=shopper, key="k-1")
    again = desk.app.call("POST", "/orders", body, user=shopper, key='"k-1"')
    assert (first.status, again.status) == (201, 201)
    assert (again.text, again.headers["ETag"]) == (first.text, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = desk.app.call("POST", "/orders", body | {"note": "x"}, user=shopper, key="k-1")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = desk.app.call(
        "POST", "/supplies", {"currency": "ETH", "amount": "1"}, user=shopper, key="k-1"
    )
    assert (elsewhere.status, elsewhere.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(desk.get("/orders", shopper)["items"]) == 1
    assert desk.app.call("POST", "/orders", body, user=desk.shopper(), key="k-1").status == 201


def test_twins_at_once_have_one_effect(desk: Desk) -> None:
    shopper = desk.shopper()
    body = {"currency": "ETH", "items": ITEMS}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: desk.app.call("POST", "/orders", body, user=shopper, key="twin"), range(16))
        )
    assert {a.status for a in answers} == {201}
    assert len({a.text for a in answers}) == 1
    assert len(desk.get("/orders", shopper)["items"]) == 1


def test_a_winner_who_asks_again_is_answered_as_at_first(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    first = desk.app.call("POST", "/claims", {"order_id": order["id"]}, user=claimer, key="c")
    desk.app.ok(200, "POST", f"/claims/{first.body['id']}/release", user=claimer)
    desk.claimed(desk.claimer(), order["id"])
    again = desk.app.call("POST", "/claims", {"order_id": order["id"]}, user=claimer, key="c")
    assert (again.status, again.text) == (201, first.text)


def test_a_refusal_is_not_stored(desk: Desk) -> None:
    shopper = desk.shopper(supply=None)
    body = {"currency": "ETH", "items": ITEMS}
    assert desk.app.call("POST", "/orders", body, user=shopper, key="later").status == 409
    desk.supply(shopper, "1")
    assert desk.app.call("POST", "/orders", body, user=shopper, key="later").status == 201


def test_if_match_guards_against_older_views(desk: Desk) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    path = f"/orders/{order['id']}/cancel"
    stale = desk.app.call("POST", path, user=shopper, headers={"If-Match": '"7"'})
    assert (stale.status, stale.code, stale.body["error"]["data"]) == (
        412,
        "VERSION_MISMATCH",
        {"version": 1},
    )
    fresh = desk.app.call("POST", path, user=shopper, headers={"If-Match": '"1"'})
    assert (fresh.status, fresh.headers["ETag"]) == (200, '"2"')


def test_a_version_of_another_resource_does_not_match(desk: Desk) -> None:
    """Each call that changes supplies, orders or claims refuses it and changes nothing."""
    shopper, claimer = desk.shopper(supply=None), desk.claimer()
    supply = desk.supply(shopper, "2")
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    seen = {
        shopper: [f"/supplies/{supply['id']}", f"/orders/{order['id']}"],
        claimer: [f"/claims/{claim['id']}"],
    }
    rows = {path: desk.get(path, user) for user, paths in seen.items() for path in paths}
    supplies, orders, claims = rows
    assert [row["version"] for row in rows.values()] == [3, 2, 1]
    told = [desk.events(user) for user in (shopper, claimer)]
    for other, method, path, body, user in (
        (orders, "PUT", supplies, {"amount": "1"}, shopper),
        (claims, "DELETE", supplies, None, shopper),
        (claims, "PUT", orders, {"note": "x"}, shopper),
        (supplies, "POST", f"{orders}/cancel", None, shopper),
        (claims, "DELETE", orders, None, shopper),
        (orders, "POST", f"{claims}/heartbeat", None, claimer),
        (supplies, "POST", f"{claims}/release", None, claimer),
        (orders, "POST", f"{claims}/reject", {"reason": "x"}, shopper),
    ):
        answer = desk.app.call(
            method, path, body, user=user, headers={"If-Match": f'"{rows[other]["version"]}"'}
        )
        assert (answer.status, answer.code) == (412, "VERSION_MISMATCH"), path
        own = next(row for name, row in rows.items() if path.startswith(name))
        assert answer.body["error"]["data"] == {"version": own["version"]}, path
    assert rows == {path: desk.get(path, user) for user, paths in seen.items() for path in paths}
    assert told == [desk.events(user) for user in (shopper, claimer)]


def deliver(desk: Desk, operation: str, sent: dict[str, Any]) -> None:
    assert desk.app.push(operation, sent).status == 204


def test_every_mutation_has_a_command_with_the_same_effect(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    desk.wallet(shopper, ether=5)
    made = {"currency": "ETH", "amount": "2"}
    deliver(desk, "create_supply", command("supply.create", shopper, made, "cmd-1"))
    deliver(desk, "create_supply", command("supply.create", shopper, made, "cmd-1"))
    (supply,) = desk.get("/supplies", shopper)["items"]
    desk.react("on_supply_created", "supply.created", supply["id"])
    deliver(
        desk, "place_order", command("order.place", shopper, {"currency": "ETH", "items": ITEMS}, "cmd-2")
    )
    (order,) = desk.get("/orders", shopper)["items"]
    assert desk.feed(shopper, "order.created")["causation_id"] == "cmd-2"
    deliver(desk, "claim_order", command("claim.claim", claimer, {"order_id": order["id"]}, "cmd-3"))
    (claim,) = desk.get("/claims", claimer)["items"]
    deliver(desk, "release_claim", command("claim.release", claimer, {"claim_id": claim["id"]}, "cmd-4"))
    assert desk.get(f"/claims/{claim['id']}", claimer)["status"] == "released"
    cancel = {"order_id": order["id"], "if_match": 3}
    deliver(desk, "cancel_order", command("order.cancel", shopper, cancel, "cmd-5"))
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "cancelled"
    assert figures(desk.get(f"/supplies/{supply['id']}", shopper)) == ("2", "2", "0", "0")
    assert desk.dead_letters() == []


def test_the_rest_of_the_commands(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    desk.imported(shopper, ether=9)
    supply = desk.supply(shopper, "2")["id"]
    amount = {"supply_id": supply, "amount": "3"}
    deliver(desk, "update_supply", command("supply.update", shopper, amount, "s-1"))
    assert figures(desk.get(f"/supplies/{supply}", shopper)) == ("3", "3", "0", "0")
    first, second = desk.order(shopper)["id"], desk.order(shopper)["id"]
    noted = {"order_id": first, "note": "by command"}
    deliver(desk, "update_order", command("order.update", shopper, noted, "s-2"))
    assert desk.get(f"/orders/{first}", shopper)["note"] == "by command"
    for identity in ("n-1", "n-2"):
        deliver(desk, "claim_next", command("claim.next", claimer, {}, identity))
        deliver(desk, "claim_next", command("claim.next", claimer, {}, identity))
    claims = {one["order_id"]: one["id"] for one in desk.get("/claims", claimer)["items"]}
    assert claims.keys() == {first, second}
    beat = {"claim_id": claims[first], "epoch": 1}
    deliver(desk, "heartbeat_claim", command("claim.heartbeat", claimer, beat, "h-1"))
    rejected = {"claim_id": claims[first], "reason": "no"}
    deliver(desk, "reject_claim", command("claim.reject", shopper, rejected, "r-1"))
    assert desk.get(f"/claims/{claims[first]}", claimer)["status"] == "rejected"
    process = command("claim.process", shopper, {"claim_id": claims[second]}, "p-1")
    deliver(desk, "process_claim", process)
    deliver(desk, "process_claim", process)
    assert desk.feed(claimer, "claim.processing")["causation_id"] == "p-1"
    retry = command("claim.retry_settlement", shopper, {"claim_id": claims[second]}, "y-1")
    deliver(desk, "retry_settlement", retry)
    assert desk.feed(shopper, "command.refused")["data"]["error"]["code"] == "FORBIDDEN"
    close = command("supply.close", shopper, {"supply_id": supply}, "s-3")
    deliver(desk, "close_supply", close)
    assert desk.feed(shopper, "command.refused")["data"]["error"]["code"] == "SUPPLY_RESERVED"
    assert desk.dead_letters() == []


def test_a_refused_command_is_answered_by_an_event(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    for identity, data, code in (
        ("cmd-a", {"order_id": "ord_none"}, "NOT_FOUND"),
        ("cmd-b", {"order_id": order["id"], "surprise": 1}, "VALIDATION_FAILED"),
        ("cmd-c", {"order_id": order["id"], "if_match": "1"}, "VALIDATION_FAILED"),
    ):
        deliver(desk, "claim_order", command("claim.claim", claimer, data, identity))
        event = desk.feed(claimer, "command.refused")
        assert event["causation_id"] == identity
        assert event["data"]["command"] == {"id": identity, "type": "claim.claim"}
        assert event["data"]["error"]["code"] == code
    deliver(desk, "claim_order", command("claim.claim", shopper, {"order_id": order["id"]}, "cmd-d"))
    assert desk.feed(shopper, "command.refused")["data"]["error"]["code"] == "OWN_ORDER"
    assert "claim-events" in {topic for topic, e in desk.published.sent if e["type"] == "command.refused"}
    assert desk.dead_letters() == []


def test_a_command_that_nothing_else_tells_of_is_answered_once(desk: Desk) -> None:
    """A heartbeat, a change without an effect, a claim that the caller has already, and no order to claim."""
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper, note="same")
    claim = desk.claimed(claimer, order["id"])
    for operation, kind, user, data, result in (
        ("heartbeat_claim", "claim.heartbeat", claimer, {"claim_id": claim["id"]}, claim["id"]),
        ("update_order", "order.update", shopper, {"order_id": order["id"], "note": "same"}, order["id"]),
        ("claim_order", "claim.claim", claimer, {"order_id": order["id"]}, claim["id"]),
        ("claim_next", "claim.next", claimer, {}, None),
    ):
        for _ in range(2):
            deliver(desk, operation, command(kind, user, data, f"once-{kind}"))
        told = [e for e in desk.outbox() if e.get("causation_id") == f"once-{kind}"]
        assert [event["type"] for event in told] == ["command.completed"], kind
        event = desk.feed(user, "command.completed")
        assert event["data"]["command"] == {"id": f"once-{kind}", "type": kind}
        assert (event["data"]["result"] or {}).get("id") == result
    desk.order(desk.shopper())
    deliver(desk, "claim_next", command("claim.next", claimer, {}, "once-claim.next"))
    assert len(desk.get("/claims", claimer)["items"]) == 1, "what a command has answered it does not do later"
    assert desk.dead_letters() == []


def test_what_nobody_can_handle_is_a_dead_letter(desk: Desk) -> None:
    shopper = desk.shopper()
    unknown = command("order.explode", shopper, {})
    message = {
        "data": base64.b64encode(json.dumps(unknown).encode()).decode(),
        "attributes": {"ce-type": "order.explode"},
        "messageId": "1",
    }
    pushed = {
        "message": message,
        "subscription": "projects/p/subscriptions/record_dead_letter.order-commands",
    }
    assert desk.app.push_raw("record_dead_letter", json.dumps(pushed).encode()).status == 204
    assert desk.app.push("place_order", unknown).status == 204  # not for this operation
    broken = command("order.place", shopper, {}) | {"data": "text"}
    assert desk.app.push("place_order", broken).status == 204
    reasons = sorted(letter.reason for letter in desk.dead_letters())
    assert reasons == [
        "No operation takes commands of type order.explode.",
        "The CloudEvent's data is not an object.",
    ]


def test_a_command_id_used_with_other_data_is_a_dead_letter(desk: Desk) -> None:
    """Neither effect nor refusal can be stored under the id; redelivery would change nothing."""
    shopper = desk.shopper()
    body = {"currency": "ETH", "items": ITEMS}
    deliver(desk, "place_order", command("order.place", shopper, body, "same"))
    deliver(desk, "place_order", command("order.place", shopper, body | {"note": "other"}, "same"))
    assert len(desk.get("/orders", shopper)["items"]) == 1
    assert [letter.reason.split(":")[0] for letter in desk.dead_letters()] == ["IDEMPOTENCY_KEY_REUSED"]
