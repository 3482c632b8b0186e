"""Call every operation through HTTP and through gRPC: the same answers and the same refusals."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from schemas.contract.protobuf import EMPTY, NULLS
from shared.runtime import operation
from shared.runtime.operation import PUBLIC
from shared.triggers.rpc.methods import Methods
from tests.emulated.desk.world import Desk
from tests.emulated.rpc.doors import Doors
from tests.support.people import People

STRINGS = {"chain": "local", "currency": "ETH", "email": "who@example.com", "types": "order.created"}
MEASURED = {"list_nodes"}  # the content differs each time, the form does not
NEW_EACH_TIME = {"generate_mnemonic", "generate_key_pair", "issue_nonce", "challenge_passkey"}


def test_every_operation_with_an_answer_is_a_method(methods: Methods) -> None:
    """The only operations for people without a method are the pages, and the one for WebSockets."""
    found = {bound.operation.name for _, bound in methods}
    over_http = {name for name, entry in operation.catalog().items() if entry.https}
    triggers = {name: operation.load(name).https[0] for name in over_http - found}
    assert triggers
    assert {name for name, one in triggers.items() if one.answer is not None or one.status == 204} == set()


def sample(message: Any) -> dict[str, Any]:
    """A value of the right type in every field."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.name == NULLS or (field.message_type is not None and not field.is_repeated):
            continue
        kinds = {FieldDescriptor.TYPE_STRING: STRINGS.get(field.name, "x"), FieldDescriptor.TYPE_BOOL: True}
        found[field.name] = [] if field.is_repeated else kinds.get(field.type, 1)
    return found


def walk(doors: Doors, headers: dict[str, str], made: Any) -> dict[str, Any]:
    """Call each unary operation through both interfaces with the same data; returns the answers."""
    answers = {}
    for _, bound in doors.methods:
        name = bound.operation.name
        if bound.method.streams or name in NEW_EACH_TIME:
            continue
        key = {"idempotency-key": str(uuid.uuid4())}
        data = made(bound.request()) if bound.method.request != EMPTY else {}
        trigger = bound.operation.https[0]
        equal = (trigger.idempotency != "none" or trigger.method == "GET") and name not in MEASURED
        answers[name] = doors.same(name, data, headers | key, equal=equal)
    return answers


def test_nobody_is_let_in_by_either(doors: Doors) -> None:
    answers = walk(doors, {}, sample)
    private = {b.operation.name for _, b in doors.methods if b.operation.https[0].permission != PUBLIC}
    assert {answers[name] for name in private - NEW_EACH_TIME if name in answers} == {"UNAUTHENTICATED"}


def test_what_is_wrong_is_refused_alike(doors: Doors) -> None:
    token = {"authorization": f"Bearer {doors.app.token('usr_walker', 'user', 'admin', 'operator')}"}
    answers = walk(doors, token, sample)
    codes = {code for code in answers.values() if isinstance(code, str)}
    assert {"VALIDATION_FAILED", "NOT_FOUND"} <= codes
    assert "INTERNAL" not in codes


def test_the_whole_job_by_either_door(doors: Doors, desk: Desk) -> None:
    """A retry under the same key gets the same answer from the other interface, and each reads what the other wrote."""
    shopper, claimer = desk.shopper(supply=None), desk.claimer()

    def by(user: str, **more: str) -> dict[str, str]:
        headers = {"authorization": f"Bearer {doors.app.token(user)}", "idempotency-key": str(uuid.uuid4())}
        return headers | {name.replace("_", "-"): value for name, value in more.items()}

    supply = doors.same("create_supply", {"currency": "ETH", "amount": "2"}, by(shopper))
    assert desk.react("on_supply_created", "supply.created", supply["id"]).status == 204
    assert doors.same("get_supply", {"supply_id": supply["id"]}, by(shopper))["status"] == "active"
    item = {"product_id": "sku", "product_name": "A thing", "price": "0.5", "quantity": 2}
    order = doors.same("place_order", {"currency": "ETH", "items": [item], "note": "mine"}, by(shopper))
    assert (order["amount"], order["items"][0]["total"]) == ("1", "1")
    public = doors.same("get_order", {"order_id": order["id"]}, by(claimer))
    assert "allocations" not in public and public["amount"] == "1"
    changed = {"order_id": order["id"], "note": "yours"}
    reply = doors.grpc("update_order", changed, by(shopper, if_match='"1"'))
    assert doors.message("update_order", reply)["note"] == "yours"
    assert doors.same("update_order", changed, by(shopper, if_match='"1"')) == "VERSION_MISMATCH"
    claim = doors.same("claim_order", {"order_id": order["id"]}, by(claimer))
    assert doors.same("claim_order", {"order_id": order["id"]}, by(shopper)) in ("OWN_ORDER", "NOT_FOUND")
    assert doors.same("get_claim", {"claim_id": claim["id"]}, by(claimer))["status"] == "claimed"
    for name, user in (("list_orders", shopper), ("list_supplies", shopper), ("list_claims", claimer)):
        assert len(doors.same(name, {"limit": 1}, by(user))["items"]) == 1
    events = doors.same("list_events", {"limit": 10, "types": "order.created"}, by(shopper))
    assert events["items"][0]["data"]["amount"] == "1"
    assert doors.same("list_events", {"types": "order.nothing"}, by(shopper)) == "VALIDATION_FAILED"


def test_what_is_null_and_what_is_empty_stay_apart(doors: Doors, desk: Desk) -> None:
    """A policy with an empty list denies all; a policy without a list allows all."""
    user = desk.person()
    wallet = desk.wallet(user)
    headers = {"authorization": f"Bearer {doors.app.token(user)}"}
    policy = {"wallet_id": wallet, "limits": [], "allowed_contracts": [], "paused": False}
    found = doors.message("set_policy", doors.grpc("set_policy", policy, headers))
    assert found["allowed_contracts"] == [] and "allowed_recipients" not in found
    order = {"order_id": "ord_1", "note": "kept"}
    bound = doors.bound("update_order")
    message = bound.request()
    doors.methods.transcoder.fill(message, {"order_id": "ord_1", NULLS: ["note"]})
    assert doors.methods.transcoder.data(message) == {"order_id": "ord_1", "note": None}
    message.note = order["note"]
    reply = doors.methods.run(bound, message.SerializeToString(), list(headers.items()))
    assert reply.status == 422 and "note cannot be null here" in reply.body


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_people_register_and_sign_in(doors: Doors, door: str) -> None:
    person = People(doors.app).register()
    headers = {"authorization": f"Bearer {person.token}"}
    assert doors.same("get_me", {}, headers)["email"] == person.email
    made = {"name": "till", "chain": "local", "type": "hd"}
    first = doors.message(
        "create_wallet", doors.grpc("create_wallet", made, headers | {"idempotency-key": "one"})
    )
    assert len(first["mnemonic"].split()) >= 12
    assert doors.same("get_wallet", {"wallet_id": first["wallet"]["id"]}, headers)["name"] == "till"
    assert doors.same("login_user", {"email": person.email, "password": "wrong wrong wrong"}, {}) == (
        "INVALID_CREDENTIALS"
    )
