"""One-time codes: the vectors of RFC 4226 and RFC 6238, the window, and no code twice."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlparse

import pytest

from shared.identity import totp
from shared.identity.errors import InvalidOneTimeCode

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 1, 12, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30

RFC4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
RFC6238 = [  # appendix B: time, SHA-1, SHA-256, SHA-512
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]


@pytest.mark.parametrize(("seconds", "sha1", "sha256", "sha512"), RFC6238)
def test_published_time_codes(seconds: int, sha1: str, sha256: str, sha512: str) -> None:
    digits = b"1234567890" * 7
    assert totp.code_at(digits[:20], seconds // 30, 8) == sha1
    assert totp.code_at(digits[:32], seconds // 30, 8, "sha256") == sha256
    assert totp.code_at(digits[:64], seconds // 30, 8, "sha512") == sha512


@pytest.mark.parametrize(
    ("counter", "code"),
    list(enumerate(RFC4226)),
)
def test_published_counter_codes(counter: int, code: str) -> None:
    """RFC 4226, appendix D."""
    assert totp.code_at(SECRET, counter) == code


@pytest.mark.parametrize(("drift", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_of_drift_is_allowed(drift: int, accepted: bool) -> None:
    code = totp.code_at(SECRET, STEP + drift)
    if accepted:
        assert totp.verify(SECRET, code, NOW, None) == STEP + drift
    else:
        with pytest.raises(InvalidOneTimeCode):
            totp.verify(SECRET, code, NOW, None)


def test_a_code_works_once_and_so_does_everything_before_it() -> None:
    step = totp.verify(SECRET, totp.code_at(SECRET, STEP), NOW, None)
    for used in (STEP, STEP - 1):
        with pytest.raises(InvalidOneTimeCode):
            totp.verify(SECRET, totp.code_at(SECRET, used), NOW, step)
    assert totp.verify(SECRET, totp.code_at(SECRET, STEP + 1), NOW + timedelta(seconds=30), step) == STEP + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "٣٣٣٣٣٣", "-12345", "000000\n", "é"])
def test_anything_else_is_refused(code: str) -> None:
    with pytest.raises(InvalidOneTimeCode):
        totp.verify(SECRET, code, NOW, None)


def test_codes_are_read_with_the_space_that_apps_show() -> None:
    code = totp.code_at(SECRET, STEP)
    assert totp.verify(SECRET, f"{code[:3]} {code[3:]}", NOW, None) == STEP


def test_the_enrolment_uri_is_what_apps_scan() -> None:
    secret = totp.generate_secret()
    parts = urlparse(totp.enrolment_uri(secret, "a+b@example.org", "Wallet & Co"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Wallet & Co:a+b@example.org"
    query = parse_qs(parts.query)
    assert query["issuer"] == ["Wallet & Co"]
    text = query["secret"][0]
    assert base64.b32decode(text + "=" * (-len(text) % 8)) == secret
    assert len(secret) == 20
