"""The answer to bad input: the contract's error shape with the field named, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from shared import resources
from shared.domain.money import MAX_AMOUNT
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk

PAST, NEVER = "2020-01-01T00:00:00Z", "soon"
ITEM: dict[str, Any] = {"product_id": "sku", "product_name": "A thing", "price": "0.1", "quantity": 1}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": 1}, "VALIDATION_FAILED", "amount"),
        ({"amount": "-1"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "0"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "0.000"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "1e3"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "١"}, "VALIDATION_FAILED", "amount"),
        ({"amount": " 1"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "NaN"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "0.0000000000000000001"}, "VALIDATION_FAILED", "amount"),
        ({"amount": "9" * 12}, "VALIDATION_FAILED", "amount"),
        ({"amount": "9" * 60}, "VALIDATION_FAILED", "amount"),
        ({"amount": None}, "VALIDATION_FAILED", "amount"),
        ({"currency": None}, "VALIDATION_FAILED", "currency"),
        ({"currency": "DOGE"}, "UNSUPPORTED_CURRENCY", None),
        ({"currency": "0x" + "11" * 20}, "UNSUPPORTED_CURRENCY", None),
        ({"chain": "mars"}, "UNKNOWN_CHAIN", None),
        ({"chain": 1}, "VALIDATION_FAILED", "chain"),
        ({"surprise": True}, "VALIDATION_FAILED", "surprise"),
        ({"user_id": "usr_other"}, "VALIDATION_FAILED", "user_id"),
        ({"expires_at": PAST}, "VALIDATION_FAILED", "expires_at"),
        ({"expires_at": NEVER}, "VALIDATION_FAILED", "expires_at"),
        ({"wallet_id": "../x"}, "VALIDATION_FAILED", "wallet_id"),
    ],
)
def test_a_bad_supply_is_refused(desk: Desk, change: dict[str, Any], code: str, field: str | None) -> None:
    user = desk.person()
    desk.wallet(user)
    body = {"currency": "ETH", "amount": "1"} | change
    refused(desk.app.call("POST", "/supplies", body, user=user), 422, code, field)
    assert Session(resources.database().snapshot()).many(SUPPLIES.scan()) == []


def test_the_largest_amount_is_kept_to_its_last_digit(desk: Desk) -> None:
    """29 digits of base units: the maximum of a NUMERIC column. The test above shows that one digit more is refused."""
    user = desk.person()
    desk.wallet(user)
    largest = "9" * 11 + "." + "9" * 18
    made = desk.app.call("POST", "/supplies", {"currency": "ETH", "amount": largest}, user=user)
    assert (made.status, made.body["amount"]) == (201, largest)
    (kept,) = Session(resources.database().snapshot()).many(SUPPLIES.scan())
    assert kept.amount == MAX_AMOUNT
    body = {"currency": "ETH", "amount": "1" + "0" * 11}
    refused(desk.app.call("POST", "/supplies", body, user=user), 422, "VALIDATION_FAILED", "amount")


def test_a_supply_needs_a_wallet_of_ones_own_on_its_chain(desk: Desk) -> None:
    user, other = desk.person(), desk.person()
    body = {"currency": "ETH", "amount": "1"}
    error = refused(desk.app.call("POST", "/supplies", body, user=user), 422, "WALLET_REQUIRED")
    assert error["data"] == {"wallets": []}
    two = [desk.wallet(user), desk.wallet(user)]
    error = refused(desk.app.call("POST", "/supplies", body, user=user), 422, "WALLET_REQUIRED")
    assert error["data"] == {"wallets": sorted(two)}
    theirs, elsewhere = desk.wallet(other), desk.wallet(user, chain="sepolia")
    for wallet, status, code in ((theirs, 404, "NOT_FOUND"), ("wal_none", 404, "NOT_FOUND")):
        refused(desk.app.call("POST", "/supplies", body | {"wallet_id": wallet}, user=user), status, code)
    answer = desk.app.call("POST", "/supplies", body | {"wallet_id": elsewhere}, user=user)
    refused(answer, 422, "VALIDATION_FAILED", "wallet_id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [ITEM] * 201}, "items"),
        ({"items": "x"}, "items"),
        ({"items": [ITEM | {"price": 1}]}, "items.0.price"),
        ({"items": [ITEM, ITEM | {"price": "-1"}]}, "items.1.price"),
        ({"items": [ITEM | {"price": "0.0000000000000000001"}]}, "items.0.price"),
        ({"items": [ITEM | {"quantity": 0}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": "1"}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": 1.0}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": True}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": 2**63}]}, "items.0.quantity"),
        ({"items": [ITEM | {"price": "9" * 11, "quantity": 10**9}]}, "items.0"),
        ({"items": [ITEM | {"colour": "red"}]}, "items.0.colour"),
        ({"items": [{k: v for k, v in ITEM.items() if k != "product_id"}]}, "items.0.product_id"),
        ({"items": [ITEM | {"product_name": ""}]}, "items.0.product_name"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "\u0000"}, "note"),
        ({"supply_ids": []}, "supply_ids"),
        ({"supply_ids": ["sup_1", "sup_1"]}, "supply_ids"),
        ({"expires_at": PAST}, "expires_at"),
        ({"status": "completed"}, "status"),
    ],
)
def test_a_bad_order_is_refused(desk: Desk, change: dict[str, Any], field: str) -> None:
    shopper = desk.shopper()
    body = {"currency": "ETH", "items": [ITEM]} | change
    refused(desk.app.call("POST", "/orders", body, user=shopper), 422, "VALIDATION_FAILED", field)
    assert desk.get("/orders", shopper)["items"] == []


def test_an_order_beyond_the_supplies_is_refused_with_the_shortfall(desk: Desk) -> None:
    shopper = desk.shopper(supply=None)
    body = {"currency": "ETH", "items": [ITEM | {"price": "2.5"}]}
    error = refused(desk.app.call("POST", "/orders", body, user=shopper), 409, "INSUFFICIENT_SUPPLY")
    assert error["data"] == {"shortfall": "2.5"}
    first, second = desk.supply(shopper, "1"), desk.supply(shopper, "0.5")
    error = refused(desk.app.call("POST", "/orders", body, user=shopper), 409, "INSUFFICIENT_SUPPLY")
    assert error["data"] == {"shortfall": "1"}
    named = body | {"supply_ids": [first["id"]]}
    error = refused(desk.app.call("POST", "/orders", named, user=shopper), 409, "INSUFFICIENT_SUPPLY")
    assert error["data"] == {"shortfall": "1.5"}
    theirs = desk.supply(desk.shopper(supply=None), "1")
    for strange in (theirs["id"], "sup_none"):
        wanted = body | {"supply_ids": [second["id"], strange]}
        refused(desk.app.call("POST", "/orders", wanted, user=shopper), 404, "NOT_FOUND")


def test_too_many_supplies_for_one_order_are_refused(desk: Desk) -> None:
    shopper = desk.shopper(supply=None)
    for _ in range(9):
        desk.supply(shopper, "0.1")
    body = {"currency": "ETH", "items": [ITEM | {"price": "0.9"}]}
    error = refused(desk.app.call("POST", "/orders", body, user=shopper), 409, "TOO_FRAGMENTED")
    assert error["data"] == {"limit": 8}
    assert len(desk.order(shopper, "0.8")["allocations"]) == 8


def test_claims_that_cannot_be(desk: Desk) -> None:
    shopper, claimer, late = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    refused(desk.claim(shopper, order["id"]), 403, "OWN_ORDER")
    refused(desk.claim(claimer, "ord_none"), 404, "NOT_FOUND")
    refused(desk.claim(claimer, "ord none"), 422, "VALIDATION_FAILED", "order_id")
    refused(desk.claim(claimer, order["id"], wallet_id=desk.wallet(shopper)), 404, "NOT_FOUND")
    elsewhere = desk.wallet(claimer, chain="sepolia")
    refused(desk.claim(claimer, order["id"], wallet_id=elsewhere), 422, "VALIDATION_FAILED", "wallet_id")
    claim = desk.claimed(claimer, order["id"])
    refused(desk.claim(late, order["id"]), 409, "ORDER_ALREADY_CLAIMED")
    other = desk.wallet(claimer)
    error = refused(desk.claim(claimer, order["id"], wallet_id=other), 409, "CLAIM_EXISTS")
    assert error["data"] == {"claim_id": claim["id"]}
    cancelled = desk.order(shopper)
    desk.app.ok(200, "POST", f"/orders/{cancelled['id']}/cancel", user=shopper)
    error = refused(desk.claim(late, cancelled["id"]), 409, "INVALID_STATE")
    assert error["data"] == {"status": "cancelled"}


def test_the_same_claimer_and_wallet_again_is_the_same_claim(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    again = desk.claim(claimer, order["id"])
    assert (again.status, again.body) == (200, claim)


def test_twenty_live_claims_are_enough(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    orders = [desk.order(shopper, "0.01")["id"] for _ in range(21)]
    claims = [desk.claimed(claimer, order)["id"] for order in orders[:20]]
    assert refused(desk.claim(claimer, orders[20]), 409, "CLAIM_LIMIT")["data"] == {"limit": 20}
    desk.app.ok(200, "POST", f"/claims/{claims[0]}/release", user=claimer)
    desk.claimed(claimer, orders[20])


def test_the_envelope_of_a_request_is_checked_first(desk: Desk) -> None:
    shopper = desk.shopper()
    body = {"currency": "ETH", "items": [ITEM]}
    call = desk.app.call
    refused(call("POST", "/orders", body), 401, "UNAUTHENTICATED")
    refused(call("POST", "/orders", body, headers={"Authorization": "Bearer x.y.z"}), 401, "UNAUTHENTICATED")
    refused(call("POST", "/orders", body, user=shopper, key=None), 400, "IDEMPOTENCY_KEY_REQUIRED")
    refused(
        call("POST", "/claims", {"order_id": "o"}, user=shopper, key=None), 400, "IDEMPOTENCY_KEY_REQUIRED"
    )
    refused(call("POST", "/orders", body, user=shopper, key="k" * 256), 400, "IDEMPOTENCY_KEY_INVALID")
    broken = refused(call("POST", "/orders", raw=b'{"note":\n', user=shopper), 400, "MALFORMED_REQUEST")
    assert broken["message"] == "The body is not JSON from line 2, column 1 on."
    refused(call("POST", "/orders", raw=b"[]", user=shopper), 400, "MALFORMED_REQUEST")
    refused(call("POST", "/orders", raw=b'{"x":' + b"[" * 100_000, user=shopper), 400, "MALFORMED_REQUEST")
    large = call("POST", "/orders", raw=b" " * 262_145, user=shopper)
    assert refused(large, 413, "BODY_TOO_LARGE")["data"] == {"limit": 262_144}
    plain = {"Content-Type": "text/plain"}
    refused(call("POST", "/orders", body, user=shopper, headers=plain), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(call("POST", "/orders?x=1", body, user=shopper), 422, "VALIDATION_FAILED", "x")
    refused(call("GET", "/orders?nope=1", user=shopper), 422, "VALIDATION_FAILED", "nope")
    for limit in ("0", "101", "-1", "1.5", "x"):
        refused(call("GET", f"/orders?limit={limit}", user=shopper), 422, "VALIDATION_FAILED", "limit")
    refused(call("GET", "/orders?status=lost", user=shopper), 422, "VALIDATION_FAILED", "status")
    refused(call("GET", "/events?wait=-1", user=shopper), 422, "VALIDATION_FAILED", "wait")


def test_a_method_that_a_path_lacks_is_told_those_that_it_has(desk: Desk) -> None:
    """Every function gives this answer: each knows the methods that the others serve."""
    shopper = desk.shopper()
    for path, allowed in {
        "/orders": ["GET", "HEAD", "POST"],
        "/orders/ord_x": ["DELETE", "GET", "HEAD", "PUT"],
        "/orders/ord_x/cancel": ["POST"],
        "/claims/clm_x": ["GET", "HEAD"],
    }.items():
        for method in {"DELETE", "GET", "PATCH", "POST", "PUT"} - set(allowed):
            answer = desk.app.call(method, path, {}, user=shopper)
            assert refused(answer, 405, "METHOD_NOT_ALLOWED")["data"] == {"allowed": allowed}
            assert answer.headers["Allow"] == ", ".join(allowed)


def test_cursors_are_bound_to_their_list_and_caller(desk: Desk) -> None:
    shopper, other = desk.shopper(), desk.shopper()
    for _ in range(2):
        desk.order(shopper, "0.1")
    cursor = desk.get("/orders?limit=1", shopper)["next_cursor"]
    feed = desk.get("/events?limit=1", shopper)["cursor"]
    for path, user in (
        (f"/orders?cursor={cursor[:-2]}AA", shopper),
        (f"/orders?cursor={cursor}&status=open", shopper),
        (f"/orders?cursor={cursor}", other),
        (f"/supplies?cursor={cursor}", shopper),
        ("/orders?cursor=@@@", shopper),
        (f"/events?after={feed}", other),
        (f"/events?after={cursor}", shopper),
    ):
        refused(desk.app.call("GET", path, user=user), 400, "INVALID_CURSOR")
