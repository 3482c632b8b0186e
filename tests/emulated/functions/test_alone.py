"""Each function serves alone under functions-framework, like in production."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import httpx
import pytest

from emulators import process
from shared.runtime import operation
from shared.store.session import Session
from shared.store.tables import system
from shared.triggers import readiness
from tests.emulated.functions.conftest import Functions, Service, wait
from tests.support.inprocess import command

NAMES = (
    "claim_order",
    "place_order",
    "get_order",
    "login_user",
    "on_supply_created",
    "sweep_outbox",
    "get_jwks",
)
PASSWORD = "correct horse battery staple"
DEAD = "127.0.0.1:9"  # nothing listens on the discard port
TELLING = ("Traceback", "werkzeug", "/functions/", "site-packages", "Error(", ".py")


@pytest.fixture(scope="module")
def services(functions: Functions) -> dict[str, Service]:
    return dict(zip(NAMES, functions.start(*NAMES), strict=True))


def bearer(functions: Functions, user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {functions.app.token(user)}", "Idempotency-Key": str(uuid.uuid4())}


def envelope(event: dict[str, Any], **changed: Any) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(event).encode()).decode()
    message = {"data": data, "attributes": {"ce-type": event["type"]}, "messageId": str(uuid.uuid4())}
    return {"message": message | changed}


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/json", answer.headers
    found: str = answer.json()["error"]["code"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_lives_and_is_ready_when_its_declared_needs_answer(services: dict[str, Service], name: str) -> None:
    for path in readiness.LIVE:
        assert services[name].call("GET", path).json() == {"status": "ok"}
    for path in readiness.READY:
        ready = services[name].call("GET", path)
        assert ready.status_code == 200, ready.text
        assert set(ready.json()["dependencies"]) == set(operation.load(name).needs)
    for path in readiness.SERVING:
        serving = services[name].call("GET", path)
        assert serving.status_code == 200, serving.text
        assert set(serving.json()["dependencies"]) == {"spanner"} & set(operation.load(name).needs)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_does_not_serve_is_a_plain_404(services: dict[str, Service], name: str) -> None:
    other = "get_order" if name != "get_order" else "get_jwks"
    paths = (
        "/",
        "/api/v1/nothing",
        "/functions/main.py",
        f"/push/{other}",
        f"/schedule/{other}",
        "/..%2f..%2fetc",
    )
    for path in paths:
        for method in ("GET", "POST", "TRACE"):
            answer = services[name].call(method, path, json={"a": 1} if method == "POST" else None)
            assert (answer.status_code, code(answer)) == (404, "NOT_FOUND"), (method, path, answer.text)
            assert set(answer.json()["error"]) == {
                "code",
                "message",
                "details",
                "data",
                "request_id",
                "doc_url",
            }
    for path in ("/robots.txt", "/favicon.ico", "//", "/%00", "/api/v1/orders/%ff%fe"):
        answer = services[name].call("GET", path, follow_redirects=False)
        assert answer.status_code in (308, 401, 404), (path, answer.text)
        assert not any(word in answer.text for word in TELLING), answer.text


def test_a_method_that_its_route_lacks_is_405(services: dict[str, Service]) -> None:
    routes = {
        "claim_order": "/api/v1/claims",
        "place_order": "/api/v1/orders",
        "login_user": "/api/v1/auth/login",
        "get_order": "/api/v1/orders/ord_1",
        "get_jwks": "/.well-known/jwks.json",
    }
    for name, path in routes.items():
        answer = services[name].call("DELETE", path)
        assert (answer.status_code, code(answer)) == (405, "METHOD_NOT_ALLOWED")


def test_head_is_answered_like_get_without_a_body(services: dict[str, Service]) -> None:
    for name, path in {"get_jwks": "/.well-known/jwks.json", "get_order": "/api/v1/orders/ord_1"}.items():
        got, head = (services[name].call(method, path) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (got.status_code, b"") and got.content
        for header in ("content-type", "content-length", "etag", "www-authenticate"):
            assert head.headers.get(header) == got.headers.get(header)
    posted = services["claim_order"].call("HEAD", "/api/v1/orders/ord_1/cancel")
    assert posted.status_code == 404
    refused = services["login_user"].call("HEAD", "/api/v1/auth/login")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_functions_work_together_over_their_common_state(
    functions: Functions, services: dict[str, Service]
) -> None:
    """A user signs in at one function. Other functions accept the token, and it verifies with the keys that a fourth
    publishes."""
    email = "alone@example.com"
    functions.app.ok(201, "POST", "/auth/register", {"email": email, "password": PASSWORD})
    signed_in = services["login_user"].call(
        "POST", "/api/v1/auth/login", json={"email": email, "password": PASSWORD}
    )
    assert signed_in.status_code == 200, signed_in.text
    token = signed_in.json()["token"]
    keys = services["get_jwks"].call("GET", "/.well-known/jwks.json").json()["keys"]
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in keys}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
    item = {"product_id": "p1", "product_name": "Thing", "price": "0.1", "quantity": 1}
    placed = services["place_order"].call(
        "POST", "/api/v1/orders", json={"currency": "ETH", "items": [item]}, headers=headers
    )
    assert (placed.status_code, code(placed)) == (409, "INSUFFICIENT_SUPPLY"), placed.text
    missing = services["get_order"].call("GET", "/api/v1/orders/ord_none", headers=headers)
    assert (missing.status_code, code(missing)) == (404, "NOT_FOUND")
    claim = services["claim_order"].call(
        "POST", "/api/v1/claims", json={"order_id": "ord_none"}, headers=headers
    )
    assert (claim.status_code, code(claim)) == (404, "NOT_FOUND"), claim.text


def test_without_or_with_a_false_token_nothing_is_served(services: dict[str, Service]) -> None:
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"X-API-Key": "nonsense"}):
        answer = services["get_order"].call("GET", "/api/v1/orders/ord_1", headers=headers)
        assert answer.status_code == 401
        code(answer)


def test_a_body_beyond_the_limit_is_413(functions: Functions, services: dict[str, Service]) -> None:
    answer = services["claim_order"].call(
        "POST", "/api/v1/claims", content=b"[" * 300_000, headers=bearer(functions, "usr_a")
    )
    assert (answer.status_code, code(answer)) == (413, "BODY_TOO_LARGE")
    assert answer.headers["Connection"] == "close"


def test_a_pushed_command_is_handled_once_and_only_with_the_token(
    functions: Functions, services: dict[str, Service]
) -> None:
    service, identity = services["claim_order"], f"cmd-{uuid.uuid4()}"
    pushed = envelope(command("claim.claim", "usr_pushed", {"order_id": "ord_none"}, identity))
    for query in ("", "?token=", "?token=wrong", f"?token={functions.push_token}x"):
        answer = service.call("POST", f"/push/claim_order{query}", json=pushed)
        assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
    for _ in range(2):
        answer = service.call("POST", f"/push/claim_order?token={functions.push_token}", json=pushed)
        assert (answer.status_code, answer.content) == (204, b"")
    record = Session(functions.database.snapshot()).maybe(system.OPERATIONS.find("usr_pushed", identity))
    assert record is not None and record.status == 404


def test_a_pushed_event_and_a_schedule_are_handled(
    functions: Functions, services: dict[str, Service]
) -> None:
    token = f"?token={functions.push_token}"
    other = envelope(command("supply.closed", "sup_x", {}))  # the emulator applies no filters
    reaction = services["on_supply_created"]
    assert reaction.call("POST", f"/push/on_supply_created{token}", json=other).status_code == 204
    answer = services["sweep_outbox"].call("POST", f"/schedule/sweep_outbox{token}")
    assert answer.status_code == 204, answer.text
    wrong = services["sweep_outbox"].call("POST", "/schedule/sweep_outbox?token=wrong")
    assert (wrong.status_code, code(wrong)) == (401, "UNAUTHENTICATED")


def test_what_is_no_push_is_refused_and_tells_nothing(
    functions: Functions, services: dict[str, Service]
) -> None:
    for body in (b"", b"{", b"[]", b'{"message": null}', b'{"message": {"data": "%"}}', b"\xff" * 10):
        answer = services["claim_order"].call(
            "POST", f"/push/claim_order?token={functions.push_token}", content=body
        )
        assert (answer.status_code, code(answer)) == (422, "UNREADABLE_EVENT")


@pytest.mark.parametrize(
    ("name", "changed", "unready"),
    [
        ("get_openapi", {"SPANNER_EMULATOR_HOST": DEAD}, {"spanner"}),
        ("place_order", {"PUBSUB_EMULATOR_HOST": DEAD}, {"pubsub"}),
        ("get_order", {"FIRESTORE_EMULATOR_HOST": DEAD}, {"cache"}),
        ("get_gas_price", {"RPC_URL": f"http://{DEAD}"}, {"chain"}),
    ],
)
def test_lives_but_is_not_ready_while_a_need_does_not_answer(
    functions: Functions, name: str, changed: dict[str, str], unready: set[str]
) -> None:
    service = functions.spawn(name, f"{name}-dead", **changed)
    try:
        wait(service)
        answer = service.call("GET", "/ready", timeout=15.0)
        states = answer.json()["dependencies"]
        assert answer.status_code == 503, states
        assert {need for need, state in states.items() if state != "ok"} == unready
        assert not any(word in answer.text for word in (*TELLING, DEAD))
        alone = service.call("GET", "/serving", timeout=15.0)
        assert alone.status_code == (503 if "spanner" in unready else 200)  # all regions share the rest
    finally:
        process.stop([service.child])


DECIMALS = '{"local": [{"symbol": "T", "address": "0x0", "decimals": 255}]}'


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("FINGERPRINT_KEY", {"ENVIRONMENT": "prod", "FINGERPRINT_KEY": ""}),
        ("CHAIN_TOKENS", {"CHAIN_TOKENS": DECIMALS}),
    ],
)
def test_a_deployment_without_its_settings_tells_nobody(
    functions: Functions, name: str, wrong: dict[str, str]
) -> None:
    """A failure outside of any operation has the contract's shape too; no function gets ready."""
    service = functions.spawn("get_me", f"unset-{name}", **wrong)
    try:
        wait(service)
        answer = service.call("GET", "/api/v1/auth/me")
        assert (answer.status_code, code(answer)) == (500, "INTERNAL")
        assert name not in answer.text
        assert name in service.log()
        assert service.call("POST", "/push/get_me?token=x").status_code == 500
        assert service.call("GET", "/ready").status_code == 503
    finally:
        process.stop([service.child])
