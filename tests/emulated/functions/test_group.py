"""A group of operations in one process, like in small installations."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from emulators.client import wait_for
from shared.runtime import operation
from tests.emulated.functions.conftest import Functions, Service
from tests.emulated.functions.test_alone import bearer, code, envelope
from tests.support.inprocess import command

ITEM = {"product_id": "p1", "product_name": "Thing", "price": "0.1", "quantity": 1}


@pytest.fixture(scope="module")
def orders(functions: Functions) -> Service:
    return functions.start("orders")[0]


def test_it_lives_and_is_ready_when_what_any_of_them_needs_answers(orders: Service) -> None:
    assert orders.call("GET", "/live").json() == {"status": "ok"}
    ready = wait_for("the orders' service is ready", lambda: _if_ready(orders))
    needs = {need for entry in operation.group("orders").values() for need in entry.needs}
    assert set(ready.json()["dependencies"]) == needs


def _if_ready(service: Service) -> httpx.Response | None:
    answer = service.call("GET", "/ready")
    return answer if answer.status_code == 200 else None


def test_each_request_reaches_its_operation(functions: Functions, orders: Service) -> None:
    headers = bearer(functions, "usr_group")
    placed = orders.call("POST", "/api/v1/orders", json={"currency": "ETH", "items": [ITEM]}, headers=headers)
    assert (placed.status_code, code(placed)) == (409, "INSUFFICIENT_SUPPLY"), placed.text
    assert orders.call("GET", "/api/v1/orders", headers=headers).json()["items"] == []
    assert orders.call("GET", "/api/v1/orders/available", headers=headers).json()["items"] == []
    missing = orders.call("GET", "/api/v1/orders/ord_none", headers=headers)
    assert (missing.status_code, code(missing)) == (404, "NOT_FOUND")


def test_what_is_not_its_own_is_not_served(functions: Functions, orders: Service) -> None:
    wrong = orders.call("DELETE", "/api/v1/orders/available", headers=bearer(functions, "usr_group"))
    assert (wrong.status_code, code(wrong)) == (404, "NOT_FOUND")  # an order with the id "available"
    for path in ("/api/v1/claims", "/push/claim_order", "/schedule/tick_chain", "/"):
        answer = orders.call("POST", path, json={}, headers=bearer(functions, "usr_group"))
        assert (answer.status_code, code(answer)) == (404, "NOT_FOUND"), path
        assert "; there is" not in answer.text, path
    for path in ("/api/v1/orders/", "/orders", "//api/v1//orders"):
        answer = orders.call("GET", path)
        assert (answer.status_code, code(answer)) == (404, "NOT_FOUND"), path
        assert answer.json()["error"]["data"] == {"route": "/api/v1/orders"}
        assert answer.json()["error"]["message"] == "There is no such route; there is /api/v1/orders."
    patched = orders.call("PATCH", "/api/v1/orders")
    assert (patched.status_code, code(patched)) == (405, "METHOD_NOT_ALLOWED")


def test_a_push_reaches_its_operation_with_the_token_only(functions: Functions, orders: Service) -> None:
    made: dict[str, Any] = command("order.place", "usr_group", {"currency": "ETH", "items": [ITEM]})
    body = envelope(made)
    refused = orders.call("POST", "/push/place_order?token=wrong", json=body)
    assert refused.status_code == 401
    done = orders.call("POST", f"/push/place_order?token={functions.push_token}", json=body)
    assert done.status_code == 204, done.text


def test_every_group_is_a_target_of_its_own_modules_only() -> None:
    groups = {entry.group for entry in operation.catalog().values()}
    assert not groups & set(operation.catalog()), "a group and an operation share a name"
    for name in groups:
        expected = {n for n, entry in operation.catalog().items() if entry.group == name}
        assert set(operation.group(name)) == expected
    with pytest.raises(LookupError, match="no operation or group nobody"):
        operation.group("nobody")
