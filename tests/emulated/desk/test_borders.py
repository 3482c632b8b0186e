"""Headers and texts that every answer has, for every operation: a request id, a location, a message that says what is
wrong, and CORS."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from shared import resources
from shared.runtime import operation
from shared.settings import load
from shared.triggers.request_parsing import Incoming
from tests.emulated.desk.world import Desk
from tests.support.inprocess import App

SITE = "http://localhost:5173"


def incoming(method: str, path: str, **headers: str) -> Incoming:
    return Incoming(method, path, {name.replace("_", "-"): value for name, value in headers.items()}, {}, b"")


def test_a_route_that_is_not_there_has_a_name_and_a_line_in_the_log(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reply = app.router.elsewhere(incoming("GET", "/api/v1/nowhere", x_request_id="req_mine"))
    assert (reply.status, reply.headers["X-Request-Id"]) == (404, "req_mine")
    assert '"request_id": "req_mine"' in reply.body and "GET /openapi.json" in reply.body
    (line,) = [record for record in caplog.records if record.message == "served"]
    assert line.__dict__["httpRequest"]["requestUrl"] == "/api/v1/nowhere"
    assert line.__dict__["httpRequest"]["status"] == 404
    unnamed = app.router.elsewhere(incoming("GET", "/nowhere", x_request_id="no good\n"))
    assert unnamed.headers["X-Request-Id"].startswith("req_")


def test_browsers_guess_no_types_and_come_back_encrypted_only(app: App) -> None:
    calls = [("GET", "/orders"), ("GET", "//console"), ("GET", "//docs"), ("GET", "//openapi.json")]
    for method, path in calls:
        here = app.call(method, path).headers
        assert here["X-Content-Type-Options"] == "nosniff" and "Strict-Transport-Security" not in here, path
        with resources.override(settings=replace(resources.settings(), environment="prod")):
            assert app.call(method, path).headers["Strict-Transport-Security"] == "max-age=31536000", path


def test_what_was_made_is_found_where_the_answer_says(desk: Desk) -> None:
    user = desk.shopper()
    body = {"currency": "ETH", "amount": "0.1"}
    for _ in range(2):  # the second answer is the stored one
        made = desk.app.call("POST", "/supplies", body, user=user, key="again")
        assert made.headers["Location"] == f"/api/v1/supplies/{made.body['id']}"
    assert made.headers["Idempotent-Replayed"] == "true"
    found = desk.get(made.headers["Location"].removeprefix("/api/v1"), user)
    assert found["id"] == made.body["id"]
    order = desk.order(user, "0.1")
    claimer = desk.claimer()
    claims = [desk.claim(claimer, order["id"]) for _ in range(2)]
    assert [claim.status for claim in claims] == [201, 200]
    assert claims[0].headers["Location"] == f"/api/v1/claims/{claims[0].body['id']}"
    assert "Location" not in claims[1].headers


def test_each_route_that_makes_something_that_can_be_got_says_where() -> None:
    triggers = [trigger for entry in operation.catalog().values() for trigger in entry.https]
    gets = {trigger.path for trigger in triggers if trigger.method == "GET"}
    for trigger in triggers:
        single = any(path.startswith(f"{trigger.path}/{{") and path.count("/") == trigger.path.count("/") + 1
                     for path in gets)  # fmt: skip
        if trigger.method == "POST" and trigger.status == 201 and single:
            assert trigger.location, trigger.path
        if trigger.location:
            assert any(trigger.location.partition("{")[0] in path for path in gets), trigger.location


def test_a_message_names_the_fields_that_are_wrong(desk: Desk) -> None:
    body = {"currency": "ETH", "amount": 2, "colour": "red"}
    error = desk.app.call("POST", "/supplies", body, user=desk.person()).body["error"]
    assert error["message"] == "The request is not valid: amount must be a string; colour is not known here."
    unknown = desk.app.call("GET", "/supplies?colour=red", user=desk.person())
    assert (unknown.status, unknown.code) == (422, "VALIDATION_FAILED")
    listed = desk.app.call("GET", "/supplies?status=blue", user=desk.person()).body["error"]["message"]
    assert listed.endswith("status must be pending, active, paused, exhausted, closed or rejected.")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "//console/session/refresh", {}),
        ("POST", "/auth/login", {"email": "a@b.cd", "password": "x"}),
        ("POST", "//console/session/refresh?MANY", None),
        ("GET", "/orders?MANY", None),
        ("GET", "/orders?NAME=1&NAME=2", None),
    ],
)
def test_an_answer_does_not_grow_with_what_is_wrong(
    app: App, desk: Desk, method: str, path: str, body: dict[str, str] | None
) -> None:
    """Anybody could otherwise have answers sent that are ten times as large as what they send."""
    many = "&".join(map(str, range(3000)))
    path = path.replace("MANY", many).replace("NAME", "n" * 3000)
    content = None if body is None else body | dict.fromkeys(map(str, range(3000)), "")
    user = desk.person() if path.startswith("/orders") else None
    answer = app.call(method, path, content, user=user)
    assert answer.status == 422 and len(answer.text) < 3000


def test_a_page_on_another_port_may_call(app: App) -> None:
    asked = incoming(
        "OPTIONS", "/api/v1/supplies", origin=SITE, access_control_request_method="POST",
        access_control_request_headers="authorization,content-type,idempotency-key",
    )  # fmt: skip
    found = app.router.find("OPTIONS", "/api/v1/supplies")
    assert found is not None
    from shared.triggers import entrypoint

    reply = entrypoint.answer(found, asked)
    assert (reply.status, reply.body) == (204, "")
    assert reply.headers["Access-Control-Allow-Origin"] == SITE
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert "Idempotency-Key" in reply.headers["Access-Control-Allow-Headers"]
    assert reply.headers["Vary"] == "Origin"
    for user in ("usr_1", None):  # browsers can read a refusal, too
        answer = app.call("GET", "/supplies", user=user, headers={"Origin": SITE})
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example:80",
        "http://localhost:",
        "http://localhost:x",
    ],
)
def test_a_preflight_from_another_origin_is_refused(app: App, origin: str) -> None:
    from shared.triggers import entrypoint

    asked = incoming("OPTIONS", "/api/v1/supplies", origin=origin, access_control_request_method="POST")
    found = app.router.find("OPTIONS", "/api/v1/supplies")
    assert found is not None
    reply = entrypoint.answer(found, asked)
    assert reply.status == 403 and "ORIGIN_NOT_ALLOWED" in reply.body
    answer = app.call("GET", "/supplies", user="usr_1", headers={"Origin": origin})
    assert answer.status == 200
    assert not {name for name in (*reply.headers, *answer.headers) if name.startswith("Access-Control-Allow")}


def test_without_origins_nothing_is_said_of_them(app: App) -> None:
    with resources.override(settings=replace(resources.settings(), cors_origins=())):
        answer = app.call("GET", "/supplies", user="usr_1", headers={"Origin": SITE})
        assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    ("environment", "text", "origins"),
    [
        (
            "prod",
            "https://a.example, https://b.example:8443",
            ("https://a.example", "https://b.example:8443"),
        ),
        ("prod", "", ()),
        ("local", "http://localhost:*", ("http://localhost:*",)),
        *(
            ("prod", wrong, None)
            for wrong in (
                "*",
                "http://a.example",
                "https://*",
                "https://a.example/",
                "a.example",
                "https://a:*",
            )
        ),
        ("local", "http://a.example/path", None),
    ],
)
def test_origins_are_checked_when_they_are_read(
    environment: str, text: str, origins: tuple[str, ...] | None
) -> None:
    env = {
        "ENVIRONMENT": environment,
        "CORS_ORIGINS": text,
        "GOOGLE_CLOUD_PROJECT": "p",
        "FINGERPRINT_KEY": "k",
    }
    if origins is None:
        with pytest.raises(ValueError, match="CORS_ORIGINS"):
            load(env)
    else:
        assert load(env).cors_origins == origins
