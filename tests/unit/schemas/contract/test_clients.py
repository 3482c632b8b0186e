"""Every client has all declared operations, events and codes, under distinct names."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from typing import Any

import pytest
from web3_wallet_client import codes, events, models
from web3_wallet_client.resources import AsyncResources, Resources

from schemas.contract import generated, webhooks
from schemas.contract.clients import operations as known
from schemas.contract.clients import postman, python_types, typescript
from schemas.contract.clients.files import CLIENTS

DOCUMENT: dict[str, Any] = json.loads(generated.openapi())
OPERATIONS = known.operations(DOCUMENT)


def test_every_operation_but_pages_and_the_websocket_is_there_once() -> None:
    left_out = {"get_landing", "get_docs", "get_docs_file", "get_openapi", "connect_events"}  # a WebSocket
    left_out |= {"get_console", "get_console_file"}
    left_out |= {f"{verb}_console_session" for verb in ("open", "refresh", "close")}
    every = {entry["operationId"] for methods in DOCUMENT["paths"].values() for entry in methods.values()}
    listed = [one.id for one in OPERATIONS]
    assert every - set(listed) == left_out and len(listed) == len(set(listed))
    named = [(one.attribute, one.name) for one in OPERATIONS]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.id)
def test_python_and_typescript_have_it(one: known.ClientOperation) -> None:
    module = importlib.import_module(f"web3_wallet_client.resources.{one.attribute}")
    for prefix in ("", "Async"):
        method = getattr(getattr(module, prefix + known.class_name(one.group)), one.name)
        taken = set(inspect.signature(method).parameters)
        given = {python_types.python_name(field.name) for field in (*one.path_fields, *one.query, *one.body)}
        assert given <= taken, "an argument is missing"
        assert ("idempotency_key" in taken) is ("Idempotency-Key" in one.headers)
    text = (CLIENTS / "typescript" / "src" / "resources.ts").read_text(encoding="utf-8")
    assert re.search(rf'call<"{one.id}">\("{one.method}"', text) or one.streams
    assert f"  {typescript.camel(one.name)}(" in text


def test_the_methods_of_python_say_what_each_argument_means() -> None:
    explained = 0
    for one in OPERATIONS:
        module = importlib.import_module(f"web3_wallet_client.resources.{one.attribute}")
        for prefix in ("", "Async"):
            about = (
                inspect.getdoc(getattr(getattr(module, prefix + known.class_name(one.group)), one.name)) or ""
            )
            text = " ".join(about.split())
            for field in (*one.path_fields, *one.query, *one.body):
                if field.text:
                    assert f"{python_types.python_name(field.name)}: {' '.join(field.text.split())}" in text
                    explained += 1
    assert explained > 400


def test_both_clients_hold_every_group() -> None:
    for kind in (Resources, AsyncResources):
        assert set(vars(kind(None))) == {one.attribute for one in OPERATIONS}  # type: ignore[arg-type]


def test_every_event_and_code_is_a_class() -> None:
    assert set(events.BY_TYPE) == set(webhooks.types())
    every = {code for one in DOCUMENT["components"]["responses"].values() for code in one["x-codes"]}
    assert set(codes.BY_CODE) == every and len(every) > 90
    assert codes.OrderAlreadyClaimed.CODE == "ORDER_ALREADY_CLAIMED"


def test_an_example_of_each_event_is_typed() -> None:
    for kind, entry in DOCUMENT["webhooks"].items():
        media = entry["post"]["requestBody"]["content"]["application/json"]
        (reference,) = media["examples"].values()
        example = DOCUMENT["components"]["examples"][reference["$ref"].rpartition("/")[2]]["value"]
        event = events.event_of(example)
        assert type(event) is events.BY_TYPE[kind] and not isinstance(event.data, dict), kind


def test_an_unknown_event_and_a_thin_one_are_plain() -> None:
    thin = {"id": "evt_1", "type": "order.created", "source": "s", "subject": "ord_1", "sequence": 1,
            "time": "2030-01-31T12:00:00Z", "data": {"id": "ord_1"}}  # fmt: skip
    assert type(events.event_of(thin)) is events.Event
    assert events.event_of(thin | {"type": "order.polished"}).data == {"id": "ord_1"}


def test_no_secret_is_in_the_text_of_an_answer() -> None:
    secrets = {"token": "eyJ", "refresh_token": "r1", "expires_at": None}
    assert "eyJ" not in repr(models.Tokens(**secrets)) and "r1" not in repr(models.Tokens(**secrets))


def test_the_package_of_npm_has_the_products_version() -> None:
    package = json.loads((CLIENTS / "typescript" / "package.json").read_text())
    lock = json.loads((CLIENTS / "typescript" / "package-lock.json").read_text())
    assert package["version"] == lock["version"] == DOCUMENT["info"]["version"]


def test_postman_has_a_request_for_each_operation() -> None:
    collection = postman.collection(DOCUMENT)
    items = [item for folder in collection["item"] for item in folder["item"]]
    assert [item["name"] for item in items] == [one.id for one in OPERATIONS]
    for item in items:
        request = item["request"]
        assert request["url"]["raw"].startswith("{{baseUrl}}/") and "{" not in request["url"]["raw"][11:]
        if "body" in request:
            assert isinstance(json.loads(request["body"]["raw"]), dict)


@pytest.mark.parametrize(
    ("operation", "group", "name"),
    [
        ("list_orders", "orders", "list"),
        ("list_available", "orders", "list_available"),
        ("claim_order", "claims", "claim_order"),
        ("send_to_contract", "contracts", "send"),
        ("get_contract_by_address", "contracts", "get_by_address"),
        ("close_supply", "supplies", "close"),
        ("redrive_dead_letter", "deadletters", "redrive"),
        ("login_user", "auth", "login"),
        ("list_users", "admin", "list_users"),
    ],
)
def test_a_method_leaves_out_the_noun_of_its_group(operation: str, group: str, name: str) -> None:
    assert known.short_name(operation, group) == name
