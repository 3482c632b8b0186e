"""Authentication of pushes: tokens signed by a key with a certificate from Google, and how often it is fetched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from shared import resources
from shared.identity.errors import Unauthenticated
from shared.runtime.errors import Unready
from shared.settings import Settings, load
from shared.triggers import push_auth
from shared.triggers.google_certificates import MAX_SECONDS, REFETCH_SECONDS, Certificates

AUDIENCE, ROBOT = "https://api.example", "push@example.iam.gserviceaccount.com"


def certified() -> tuple[rsa.RSAPrivateKey, str]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return key, made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


KEY, CERTIFICATE = certified()
OTHER, NEXT_CERTIFICATE = certified()


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass
class Google:
    """Google's published certificates, a clock, and the number of fetches."""

    published: dict[str, str] = field(default_factory=lambda: {"k1": CERTIFICATE})
    control: str = "public, max-age=21600, must-revalidate"
    status: int = 200
    asked: int = 0
    now: float = 0.0

    def __call__(self, url: str) -> Answered:
        assert url.startswith("https://www.googleapis.com/")
        self.asked += 1
        return Answered(self.status, {"Cache-Control": self.control}, json.dumps(self.published).encode())


@pytest.fixture
def google() -> Iterator[Google]:
    made = Google()
    with resources.override(Certificates=Certificates(made, lambda: made.now)):
        yield made


@pytest.fixture
def settings() -> Settings:
    return replace(load(), push_audience=AUDIENCE, push_service_account=ROBOT)


def token(key: Any = KEY, kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": ROBOT, "email_verified": True}
    claims |= {"iat": now, "exp": now + 3600, "sub": "1"} | changes
    return jwt.encode(claims, key, algorithm, headers={"kid": kid})


def push_with(settings: Settings, bearer: str) -> None:
    push_auth.authenticate(settings, {"authorization": f"Bearer {bearer}"}, "")


def test_googles_token_of_our_account_for_us_is_taken(google: Google, settings: Settings) -> None:
    push_with(settings, token())


@pytest.mark.parametrize(
    "bearer",  # made in its test: a long run would outlast the expiry of an earlier one
    [
        lambda: token(aud="https://other.example"),
        lambda: token(iss="https://evil.example"),
        lambda: token(email="someone@example.com"),
        lambda: token(email_verified=False),
        lambda: token(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600),
        lambda: token(iat=int(time.time()) + 600),
        lambda: token(OTHER),
        lambda: token(kid="k9"),
        lambda: token("x" * 32, algorithm="HS256"),
        lambda: token(None, algorithm="none"),
        lambda: "a.b.c",
        lambda: "",
    ],
)
def test_every_other_one_is_refused(google: Google, settings: Settings, bearer: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        push_with(settings, bearer())


def test_the_run_token_does_not_count_where_an_audience_is_set(google: Google, settings: Settings) -> None:
    with pytest.raises(Unauthenticated):
        push_auth.authenticate(replace(settings, push_token="t"), {}, "t")


def test_certificates_are_asked_for_once_in_ten_minutes(google: Google, settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: push_with(settings, token()), range(50)))
    assert google.asked == 1
    google.now = MAX_SECONDS - 1
    push_with(settings, token())
    assert google.asked == 1
    google.now = MAX_SECONDS
    push_with(settings, token())
    assert google.asked == 2


@pytest.mark.parametrize(
    ("control", "seconds"), [("max-age=30", 30), ("no-store, max-age=30", 0), ("private", 0)]
)
def test_a_shorter_life_is_respected(google: Google, settings: Settings, control: str, seconds: int) -> None:
    google.control = control
    for moment, asked in ((0, 1), (max(0, seconds - 1), 1 if seconds else 2), (seconds, 2 if seconds else 3)):
        google.now = moment
        push_with(settings, token())
        assert google.asked == asked


def test_a_new_key_is_found_and_made_up_ones_do_not_make_us_ask(google: Google, settings: Settings) -> None:
    push_with(settings, token())
    google.published["k2"] = NEXT_CERTIFICATE
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            push_with(settings, token(OTHER, "k2"))
    assert google.asked == 1
    google.now = REFETCH_SECONDS
    push_with(settings, token(OTHER, "k2"))
    assert google.asked == 2


def test_without_certificates_nothing_is_verified_and_pub_sub_tries_again(
    google: Google, settings: Settings
) -> None:
    google.status = 503
    for asked in (1, 2):
        with pytest.raises(Unready):
            push_with(settings, token())
        assert google.asked == asked, "a failure is not kept"
    google.status = 200
    push_with(settings, token())
    google.status, google.now = 503, MAX_SECONDS
    with pytest.raises(Unready):
        push_with(settings, token())
