"""Access tokens: genuine ones name their caller; every forgery and every near miss is refused in the same way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.domain.permissions import permissions_of
from shared.identity.errors import TokenExpired, Unauthenticated
from shared.identity.key_ring import KeyRing, TokenKey, load_key_ring, save_key_ring
from shared.identity.tokens import CLAIMS, LIFETIME, AccessTokens
from shared.keys.errors import SecretUnusable

NOW = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SIGNED_IN = NOW - timedelta(hours=3)
ISSUER, AUDIENCE = "https://wallets.example", "https://wallets.example/api"
RING = KeyRing.generate()
TOKENS = AccessTokens(RING, ISSUER, AUDIENCE)


def _issue(tokens: AccessTokens = TOKENS, now: datetime = NOW, roles: tuple[str, ...] = ("user",)) -> str:
    return tokens.issue(
        "usr_1", roles, "premium", session_id="ses_1", authenticated_at=SIGNED_IN, factors=["pwd"], now=now
    ).token


def _claims(**changes: Any) -> dict[str, Any]:
    """The claims of a genuine token, changed; None removes one."""
    claims = jwt.decode(_issue(), options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


def _signed(claims: dict[str, Any], key: Any = None, algorithm: str = "ES256", **header: Any) -> str:
    headers = {"kid": RING.active, "typ": "at+jwt", **header}
    return jwt.encode(claims, key or RING.signing_key, algorithm, headers=headers)


def _raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(map(encoded, parts))


def test_a_genuine_token_names_its_caller() -> None:
    issued = TOKENS.issue(
        "usr_1",
        {"user", "operator"},
        "premium",
        session_id="ses_1",
        authenticated_at=SIGNED_IN,
        factors=["pwd", "otp"],
        now=NOW,
    )
    caller = TOKENS.verify(issued.token, NOW + timedelta(minutes=14, seconds=59))
    assert (caller.user_id, caller.kind, caller.tier, caller.session_id) == (
        "usr_1",
        "user",
        "premium",
        "ses_1",
    )
    assert caller.roles == {"user", "operator"}
    assert caller.permissions == permissions_of(["user", "operator"])
    assert caller.authenticated_at == SIGNED_IN.replace(microsecond=0)
    assert caller.factors == {"pwd", "otp"}
    assert issued.expires_at == (NOW + LIFETIME).replace(microsecond=0)
    assert issued.token not in repr(issued)


def test_the_contracts_claims_are_all_there() -> None:
    claims = jwt.decode(_issue(), options={"verify_signature": False})
    assert (
        {"iss", "aud", "sub", "roles", "permissions", "iat", "exp"}
        < set(claims)
        == {*CLAIMS, "email_verified"}
    )
    header = jwt.get_unverified_header(_issue())
    assert header == {"alg": "ES256", "kid": RING.active, "typ": "at+jwt"}
    assert claims["exp"] - claims["iat"] == 900
    assert _issue() != _issue()


def test_a_service_is_recognised() -> None:
    assert TOKENS.verify(_issue(roles=("service",)), NOW).kind == "service"


def test_a_token_that_was_seen_before_ages_all_the_same() -> None:
    token = _issue()
    late = (NOW + LIFETIME).replace(microsecond=0)
    assert TOKENS.verify(token, NOW) == TOKENS.verify(token, NOW)
    with pytest.raises(TokenExpired):
        TOKENS.verify(token, late)
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, NOW - timedelta(minutes=1))
    other = AccessTokens(KeyRing.generate(), TOKENS.issuer, TOKENS.audience)
    with pytest.raises(Unauthenticated):
        other.verify(token, NOW)


def test_an_expired_token_is_told_apart_only_when_it_is_genuine() -> None:
    late = (NOW + LIFETIME).replace(microsecond=0)  # RFC 7519: not on or after
    with pytest.raises(TokenExpired):
        TOKENS.verify(_issue(), late)
    assert TOKENS.verify(_issue(), late - timedelta(microseconds=1))
    forged = _signed(_claims(), ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.verify(forged, late)
    assert caught.value.code == "UNAUTHENTICATED"


def test_a_token_from_the_future_is_refused_beyond_clock_skew() -> None:
    assert TOKENS.verify(_issue(now=NOW + timedelta(seconds=29)), NOW)
    with pytest.raises(Unauthenticated):
        TOKENS.verify(_issue(now=NOW + timedelta(seconds=40)), NOW)


PUBLIC_PEM = RING.keys[RING.active].public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEADER = {"alg": "ES256", "kid": RING.active, "typ": "at+jwt"}


def _hs256_with_the_public_key() -> str:
    unsigned = _raw({**HEADER, "alg": "HS256"}, _claims(), b"").rstrip(".")
    return f"{unsigned}.{_b64(hmac.digest(PUBLIC_PEM, unsigned.encode(), hashlib.sha256))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _with_changed_payload() -> str:
    header, payload, signature = _issue().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{_b64(json.dumps({**claims, 'roles': ['admin']}).encode())}.{signature}"


def _rsa_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


FORGERIES = {
    "empty": "",
    "no token": "hello",
    "two parts": "a.b",
    "noise": "é.ü.ß",
    "huge": "a" * 10_000 + ".b.c",
    "deep": _b64(b"[" * 4000) + "." + _b64(b"[" * 1000) + ".AA",
    "alg none": _raw({**HEADER, "alg": "none"}, _claims(), b""),
    "alg None": _raw({**HEADER, "alg": "None"}, _claims(), b""),
    "no alg": _raw({"kid": RING.active, "typ": "at+jwt"}, _claims(), b""),
    "HS256 with the public key": _hs256_with_the_public_key(),
    "RS256": _signed(_claims(), _rsa_key(), "RS256"),
    "ES384": _signed(_claims(), ec.generate_private_key(ec.SECP384R1()), "ES384"),
    "another key, our kid": _signed(_claims(), ec.generate_private_key(ec.SECP256R1())),
    "its own key in the header": _signed(
        _claims(), (key := TokenKey.generate()).private, kid=key.kid, jwk=key.jwk()
    ),
    "unknown kid": _signed(_claims(), kid="unknown"),
    "kid is a path": _signed(_claims(), kid="../../dev/null"),
    "no kid": jwt.encode(_claims(), RING.signing_key, "ES256", headers={"typ": "at+jwt"}),
    "kid is a number": _raw({**HEADER, "kid": 7}, _claims(), b"x" * 64),
    "kid is a list": _raw({**HEADER, "kid": []}, _claims(), b"x" * 64),
    "typ JWT": _signed(_claims(), typ="JWT"),
    "no typ": _signed(_claims(), typ=None),
    "crit": _signed(_claims(), crit=["x"], x=1),
    "wrong issuer": _signed(_claims(iss="https://evil.example")),
    "issuer with a slash": _signed(_claims(iss=ISSUER + "/")),
    "wrong audience": _signed(_claims(aud="https://another.example")),
    "audience among others": _signed(_claims(aud=[AUDIENCE, "https://another.example"])),
    "changed payload": _with_changed_payload(),
    "cut signature": _issue()[:-2],
    "empty signature": _issue().rpartition(".")[0] + ".",
    "zero signature": _issue().rpartition(".")[0] + "." + _b64(bytes(64)),
    "claims are a list": _raw(HEADER, [], b"x" * 64),  # type: ignore[arg-type]
    **{f"no {name}": _signed(_claims(**{name: None})) for name in CLAIMS},
    "exp is text": _signed(_claims()),
    "roles is text": _signed(_claims(roles="admin")),
    "roles of numbers": _signed(_claims(roles=[1])),
    "permissions is an object": _signed(_claims(permissions={"admin:*": True})),
    "sub is empty": _signed(_claims(sub="")),
    "auth_time is text": _signed(_claims(auth_time="now")),
    "auth_time is true": _signed(_claims(auth_time=True)),
    "unknown tier": _signed(_claims(tier="gold")),
    "tier is a list": _signed(_claims(tier=[])),
}
del FORGERIES["exp is text"]  # PyJWT does not sign it; made by hand below


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused_without_a_hint(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.verify(token, NOW)
    assert (caught.value.code, caught.value.status) == ("UNAUTHENTICATED", 401)
    assert caught.value.data == {}
    assert caught.value.text == Unauthenticated.message
    assert caught.value.__cause__ is None


def test_a_genuine_signature_over_odd_times_is_refused() -> None:
    for name in ("exp", "iat"):
        for value in ("soon", 1e300, True, None, -1.5, [1]):
            claims = {**_claims(), name: value}
            body = f"{_b64(json.dumps(HEADER).encode())}.{_b64(json.dumps(claims).encode())}"
            signature = jwt.get_algorithm_by_name("ES256").sign(body.encode(), RING.signing_key)
            with pytest.raises(Unauthenticated):
                TOKENS.verify(f"{body}.{_b64(signature)}", NOW)


def test_keys_rotate_without_anybody_noticing() -> None:
    next_key = TokenKey.generate()
    old_token = _issue()
    published = RING.with_next(next_key)
    assert AccessTokens(published, ISSUER, AUDIENCE).verify(old_token, NOW)
    assert published.active == RING.active
    assert next_key.kid in {jwk["kid"] for jwk in published.jwks()["keys"]}
    switched = published.activated(next_key.kid).retired(RING.active)
    tokens = AccessTokens(switched, ISSUER, AUDIENCE)
    new_token = _issue(tokens)
    assert jwt.get_unverified_header(new_token)["kid"] == next_key.kid
    for token in (old_token, new_token):
        assert tokens.verify(token, NOW)
        assert AccessTokens(published, ISSUER, AUDIENCE).verify(token, NOW)  # an instance one step behind
    gone = AccessTokens(switched.without(RING.active), ISSUER, AUDIENCE)
    assert gone.verify(new_token, NOW)
    with pytest.raises(Unauthenticated):
        gone.verify(old_token, NOW)


def test_the_active_key_cannot_be_lost() -> None:
    for step in (RING.retired, RING.without):
        with pytest.raises(SecretUnusable):
            step(RING.active)
    with pytest.raises(SecretUnusable):
        RING.activated("unknown")


def test_the_jwks_verifies_with_another_library_and_holds_nothing_private() -> None:
    document = RING.with_next().jwks()
    assert len(document["keys"]) == 2
    assert not any("d" in jwk for jwk in document["keys"])
    key_set = jwt.PyJWKSet.from_dict(document)
    claims = jwt.decode(
        _issue(now=datetime.now(UTC)), key_set[RING.active], ["ES256"], audience=AUDIENCE, issuer=ISSUER
    )
    assert claims["sub"] == "usr_1"


def test_the_published_thumbprint_rule() -> None:
    """RFC 7638 §3: SHA-256 of the required members in alphabetical order, no spaces, base64url."""
    jwk = RING.keys[RING.active].jwk()
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert jwk["kid"] == RING.active == _b64(hashlib.sha256(text.encode()).digest())


def test_a_ring_survives_storage(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    old = os.umask(0)
    try:
        ring = load_key_ring(path, create=True)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key_ring(path).jwks() == ring.jwks()
    key = TokenKey.generate()
    rotated = ring.with_next(key).activated(key.kid).retired(ring.active)
    save_key_ring(path, rotated)
    found = load_key_ring(path)
    assert (found.active, found.jwks()) == (rotated.active, rotated.jwks())
    assert found.keys[ring.active].private is None
    with pytest.raises(SecretUnusable):
        load_key_ring(tmp_path / "absent.json")
    path.chmod(0o444)
    with pytest.raises(SecretUnusable):
        load_key_ring(path)
    assert load_key_ring(path, owner_only=False).active == key.kid  # mounted by the platform


def test_a_lone_pem_is_a_ring_of_one() -> None:
    ring = KeyRing.from_text(RING.keys[RING.active].to_pem())
    assert ring.active == RING.active


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"active": "x", "keys": []}',
        '{"active": "x", "keys": ["nonsense"]}',
        '{"active": "x", "keys": [7]}',
        "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",  # pragma: allowlist secret
        PUBLIC_PEM.decode(),
        _rsa_key().decode(),
    ],
)
def test_unfit_rings_are_refused(text: str) -> None:
    with pytest.raises(SecretUnusable):
        KeyRing.from_text(text)


def test_nothing_private_shows_in_a_repr() -> None:
    shown = repr(RING) + repr(TOKENS) + repr(RING.keys[RING.active])
    assert "PRIVATE" not in shown
    assert str(RING.signing_key.private_numbers().private_value) not in shown


def test_verifying_needs_no_heavy_library() -> None:
    code = "import sys, shared.identity.tokens; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "eth_account",
        "eth_utils",
        "web3",
        "coincurve",
        "argon2",
        "pydantic",
        "grpc",
        "flask",
        "requests",
    }
    assert not heavy & set(run.stdout.split())
