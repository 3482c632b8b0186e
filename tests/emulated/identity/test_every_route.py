"""Call every HTTP route of the catalog as every kind of caller. The data below has the expected results."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import resources
from shared.identity.key_ring import KeyRing, TokenKey
from shared.identity.tokens import AccessTokens
from shared.runtime import operation
from shared.runtime.operation import HttpTrigger
from tests.support.inprocess import Answer, App

OPEN = {  # public routes: no other route may ever answer without a credential
    "GET /.well-known/jwks.json",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/siwe/nonce",
    "POST /api/v1/auth/siwe/verify",
    "POST /api/v1/auth/password/reset-request",
    "POST /api/v1/auth/password/reset",
    "POST /api/v1/auth/email/verify",
    "GET /openapi.json",
    "GET /api/v1/chains",
    "GET /",
    "GET /docs",
    "GET /docs/{file}",
    "GET /console",
    "GET /console/{file}",
    "POST /console/session/open",
    "POST /console/session/refresh",
    "POST /console/session/close",
}
READS = {
    f"{name}:read"
    for name in ("supply", "order", "claim", "wallet", "transaction", "contract", "webhook", "event")
}
ACTIONS = {
    *("supply:write", "supply:delete", "order:write", "order:delete", "claim:execute", "security:use"),
    *("wallet:write", "wallet:export", "wallet:sign", "transaction:send", "contract:write", "webhook:write"),
}
ADMINISTRATION = {"admin:read", "admin:redrive", "admin:settle", "admin:replace", "admin:reconcile"}
MAY: dict[str, set[str]] = {
    "user": READS | ACTIONS,
    "service": READS | ACTIONS,
    "operator": READS | ADMINISTRATION | {"audit:read"},
    "admin": READS | ADMINISTRATION | {"audit:read", "admin:users", "admin:act"},
}
KNOWN = set().union(*MAY.values()) | {"self"}


def routes() -> Iterator[tuple[HttpTrigger, str]]:
    """Each trigger, with a path whose parameters match nothing."""
    for entry in operation.catalog().values():
        for trigger in entry.https:
            path = trigger.path
            for name in trigger.pattern.groupindex:
                path = path.replace("{" + name + "}", "local" if name == "chain" else "none_x")
            yield trigger, path


def ask(app: App, trigger: HttpTrigger, path: str, token: str | None) -> Answer:
    """Send a request that every route's validation refuses, so that only identity and permission are tested."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    path = path.removeprefix("/api/v1") if path.startswith("/api/v1") else f"/{path}"
    if trigger.method == "GET":
        return app.call("GET", f"{path}?unknown_field=1", headers=headers)
    return app.call(trigger.method, path, {"unknown_field": 1}, headers=headers)


def claims(**changes: Any) -> dict[str, Any]:
    now = resources.clock().now()
    given = {"session_id": "ses_1", "authenticated_at": now, "factors": ("pwd",), "now": now}
    genuine = resources.tokens().issue("usr_1", ("admin",), "service", **given).token  # type: ignore[arg-type]
    return {**jwt.decode(genuine, options={"verify_signature": False}), **changes}


def issued(tokens: AccessTokens, now: datetime) -> str:
    return tokens.issue(
        "usr_1", ("admin",), "service", session_id="ses_1", authenticated_at=now, factors=("pwd",), now=now
    ).token


def forgeries() -> Iterator[tuple[str, str]]:
    """Forged tokens of an administrator that must be refused."""
    genuine, now = resources.tokens(), resources.clock().now()
    ring = genuine.ring
    yield "expired", issued(genuine, now - timedelta(minutes=15, seconds=1))
    yield "from the future", issued(genuine, now + timedelta(minutes=5))
    yield "wrong audience", issued(AccessTokens(ring, genuine.issuer, "another"), now)
    yield "wrong issuer", issued(AccessTokens(ring, "https://evil.example", genuine.audience), now)
    yield "unknown kid", issued(AccessTokens(KeyRing.generate(), genuine.issuer, genuine.audience), now)
    old = ring.with_next(key := TokenKey.generate()).activated(key.kid)
    yield "retired key", issued(AccessTokens(old, genuine.issuer, genuine.audience), now)
    headers = {"kid": ring.active, "typ": "at+jwt"}
    yield "alg none", jwt.encode(claims(), None, "none", headers=headers)
    yield "HS256 with the public key", hs256(ring, headers)
    good = issued(genuine, now)
    yield "changed signature", good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB")
    yield "nonsense", "abc.def.ghi"
    yield "empty", ""


def hs256(ring: KeyRing, headers: dict[str, str]) -> str:
    """Sign by hand, because libraries refuse to."""
    public = ring.keys[ring.active].public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [json.dumps(headers | {"alg": "HS256"}).encode(), json.dumps(claims()).encode()]
    body = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    mac = hmac.digest(public, body.encode(), hashlib.sha256)
    return f"{body}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def test_what_is_open_is_what_the_list_says() -> None:
    found = {
        f"{trigger.method} {trigger.path}"
        for trigger, _ in routes()
        if trigger.permission == operation.PUBLIC
    }
    assert found <= OPEN
    assert {trigger.permission for trigger, _ in routes()} - KNOWN <= {operation.PUBLIC}


def test_nothing_else_answers_without_a_credential(app: App) -> None:
    wrong = []
    for trigger, path in routes():
        if trigger.permission != operation.PUBLIC:
            answer = ask(app, trigger, path, None)
            if (answer.status, answer.code, answer.headers.get("WWW-Authenticate")) != (
                401,
                "UNAUTHENTICATED",
                "Bearer",
            ):
                wrong.append((trigger.method, path, answer.text))
    assert wrong == []


def test_no_forged_token_counts_anywhere(app: App) -> None:
    wrong = []
    for name, token in forgeries():
        for trigger, path in routes():
            if trigger.permission != operation.PUBLIC and ask(app, trigger, path, token).status != 401:
                wrong.append((name, trigger.method, path))
    assert wrong == []


@pytest.mark.parametrize("role", MAY)
def test_each_role_may_what_its_row_says(app: App, role: str) -> None:
    token = app.token("usr_1", role)
    wrong = []
    for trigger, path in routes():
        if trigger.permission == operation.PUBLIC:
            continue
        allowed = trigger.permission == operation.SELF or trigger.permission in MAY[role]
        answer = ask(app, trigger, path, token)
        if answer.status != (422 if allowed else 403):
            wrong.append((role, trigger.method, path, answer.status, answer.code))
    assert wrong == []


def test_the_published_keys_verify_a_token_before_and_after_a_rotation(app: App) -> None:
    before = resources.tokens()
    now = resources.clock().now()
    old = issued(before, now)
    ring = before.ring.with_next(key := TokenKey.generate())
    published = {one["kid"] for one in ring.jwks()["keys"]}
    assert published == {before.ring.active, key.kid}
    rotated = AccessTokens(
        ring.activated(key.kid).retired(before.ring.active), before.issuer, before.audience
    )
    with resources.override(tokens=rotated):
        answer = app.call("GET", "//.well-known/jwks.json")
        assert answer.status == 200 and answer.headers["Cache-Control"] == "public, max-age=300"
        keys = {one["kid"]: jwt.PyJWK(one) for one in answer.body["keys"]}
        for token in (old, issued(rotated, now)):
            kid = jwt.get_unverified_header(token)["kid"]
            found = jwt.decode(token, keys[kid], algorithms=["ES256"], audience=rotated.audience)
            assert found["sub"] == "usr_1" and rotated.verify(token, now).user_id == "usr_1"
        assert "d" not in answer.body["keys"][0]
