"""EIP-4361: the reference implementation's vectors, the grammar's edge cases, and the conditions of a valid
signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.identity import siwe
from shared.identity.errors import SiweRefused
from shared.keys.accounts import address_of, generate_key
from shared.keys.messages import message_digest, sign_message

VECTORS = json.loads((Path(__file__).parent / "vectors" / "siwe.json").read_text())
KEY = bytes(31) + b"\x07"  # fixed: parametrised cases have its address in their names
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
NONCE = "Zr8Lw3Qp5Tn1Xc7V"
TEXT = f"""wallets.example wants you to sign in with your Ethereum account:
{address_of(KEY)}

Sign in.

URI: https://wallets.example/login
Version: 1
Chain ID: 31337
Nonce: {NONCE}
Issued At: 2026-11-01T11:59:00.123456789Z
Expiration Time: 2026-11-01T12:10:00Z
Not Before: 2026-11-01T13:00:00+02:00
Request ID: a%20b:@!
Resources:
- https://wallets.example/terms
- urn:isbn:0451450523"""


def _text_of(fields: dict[str, Any]) -> str:
    """The message of a vector that has fields only."""
    lines = [
        f"{fields['domain']} wants you to sign in with your Ethereum account:",
        fields["address"],
        "",
        *([fields["statement"]] if "statement" in fields else []),
        "",
        f"URI: {fields['uri']}",
        f"Version: {fields['version']}",
        f"Chain ID: {fields['chainId']}",
        f"Nonce: {fields['nonce']}",
        f"Issued At: {fields['issuedAt']}",
    ]
    optional = {"Expiration Time": "expirationTime", "Not Before": "notBefore", "Request ID": "requestId"}
    lines += [f"{label}: {fields[name]}" for label, name in optional.items() if name in fields]
    return "\n".join(lines)


def _check(message: siwe.SiweMessage, **changes: Any) -> None:
    expected: dict[str, Any] = {
        "domains": ["wallets.example"],
        "schemes": ["https"],
        "chain_ids": [31337],
        "nonce": NONCE,
        "now": NOW,
    }
    siwe.check(message, **{**expected, **changes})


def _login(fields: dict[str, Any]) -> None:
    """Everything that a vector of the reference implementation expects of `verify`."""
    message = siwe.parse(_text_of(fields))
    siwe.check(
        message,
        domains=[fields["domainBinding"]]
        if "domainBinding" in fields
        else [fields["domain"], urlsplit(fields["uri"]).netloc],
        schemes=["https"],
        chain_ids=[fields["chainId"]],
        nonce=fields.get("matchNonce", fields["nonce"]),
        now=datetime.fromisoformat(fields.get("time", "2026-11-01T12:00:00Z")),
    )
    siwe.verify_signature(message, fields["signature"])


@pytest.mark.parametrize("vector", VECTORS["parsing_positive"].values(), ids=VECTORS["parsing_positive"])
def test_published_messages_are_read(vector: dict[str, Any]) -> None:
    message, fields = siwe.parse(vector["message"]), vector["fields"]
    assert (
        message.domain,
        message.address,
        message.statement,
        message.uri,
        message.chain_id,
        message.nonce,
    ) == (
        fields["domain"],
        fields["address"],
        fields.get("statement"),
        fields["uri"],
        fields["chainId"],
        fields["nonce"],
    )
    assert message.scheme == fields.get("scheme")
    assert list(message.resources) == fields.get("resources", [])
    assert message.issued_at == datetime.fromisoformat(fields["issuedAt"])


@pytest.mark.parametrize("text", VECTORS["parsing_negative"].values(), ids=VECTORS["parsing_negative"])
def test_published_malformed_messages_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        siwe.parse(text)
    assert caught.value.details[0]["field"] == "message"


@pytest.mark.parametrize(
    "vector", VECTORS["verification_positive"].values(), ids=VECTORS["verification_positive"]
)
def test_published_sign_ins_succeed(vector: dict[str, Any]) -> None:
    _login(vector)


@pytest.mark.parametrize(
    "vector", VECTORS["verification_negative"].values(), ids=VECTORS["verification_negative"]
)
def test_published_bad_sign_ins_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises((SiweRefused, InvalidValue)):
        _login(vector)


def test_every_field_is_read() -> None:
    message = siwe.parse(TEXT)
    assert message.statement == "Sign in."
    assert message.issued_at == datetime(2026, 11, 1, 11, 59, 0, 123456, UTC)
    assert message.expiration_time == datetime(2026, 11, 1, 12, 10, tzinfo=UTC)
    assert message.not_before == datetime(2026, 11, 1, 11, 0, tzinfo=UTC)
    assert message.request_id == "a%20b:@!"
    assert message.resources == ("https://wallets.example/terms", "urn:isbn:0451450523")
    _check(message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Sign in.", 'Sign "in".'),  # the grammar has no quotation mark
        ("Sign in.", "Sign\tin."),
        ("Sign in.", "Größe"),
        ("Version: 1", "Version: 01"),
        ("Chain ID: 31337", "Chain ID: 0x1"),
        ("Chain ID: 31337", "Chain ID: -1"),
        ("Chain ID: 31337", "Chain ID: ٣"),
        (f"Nonce: {NONCE}", f"Nonce: {NONCE}!"),
        ("2026-11-01T12:10:00Z", "2026-11-01 12:10:00Z"),
        ("2026-11-01T12:10:00Z", "2026-11-01T12:10:00"),
        ("2026-11-01T12:10:00Z", "2026-11-01T24:10:00Z"),
        ("2026-11-01T12:10:00Z", "2026-02-30T12:10:00Z"),
        ("2026-11-01T12:10:00Z", "2026-11-01T12:10:00+25:00"),
        ("Request ID: a%20b:@!", "Request ID: a b"),
        ("Request ID: a%20b:@!", "Request ID: %2"),
        ("\n\nSign in.", "\nSign in."),
        ("\n", "\r\n"),
        ("wallets.example wants", "wallets.example/x wants"),
        ("wallets.example wants", "[::g] wants"),
        ("wallets.example wants", "[fe80::1%25eth0] wants"),
        ("wallets.example wants", "a b wants"),
        ("wallets.example wants", "1https://wallets.example wants"),
        ("- urn:isbn:0451450523", "- urn:isbn:045145 0523"),
        ("- urn:isbn:0451450523", "-urn:isbn:0451450523"),
        ("- urn:isbn:0451450523", "- //no.scheme"),
        ("URI: https://wallets.example/login", "URI: https://wallets.example/%zz"),
        ("URI: https://wallets.example/login", "URI: https://wallets.example/<x>"),
        (address_of(KEY), address_of(KEY).lower()),
        ("0451450523", "0451450523\n"),
        ("0451450523", "0" * 5000),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidValue):
        siwe.parse(TEXT.replace(old, new))


@given(text=st.text(max_size=300))
def test_noise_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(InvalidValue):
        siwe.parse(text)


@given(place=st.integers(0, len(TEXT) - 1), character=st.characters(codec="utf-8"))
def test_a_changed_message_never_signs_in(place: int, character: str) -> None:
    """For each changed character the text is malformed, unexpected, or not the signed one."""
    signature = sign_message(TEXT, KEY)
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    if changed == TEXT:
        return
    with pytest.raises((InvalidValue, SiweRefused)):
        message = siwe.parse(changed)
        siwe.verify_signature(message, signature)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domains": ["evil.example"]}, "domain"),
        ({"domains": []}, "domain"),
        ({"domains": ["wallets.example:443"]}, "domain"),
        ({"chain_ids": [1]}, "chain"),
        ({"nonce": "b" * 16}, "nonce"),
        ({"nonce": NONCE.upper() + "x"}, "nonce"),
        ({"now": datetime(2026, 11, 1, 12, 10, tzinfo=UTC)}, "time"),
        ({"now": datetime(2026, 11, 1, 10, 59, 59, tzinfo=UTC)}, "time"),
    ],
)
def test_a_message_for_another_time_or_place_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SiweRefused) as caught:
        _check(siwe.parse(TEXT), **changes)
    assert caught.value.data == {"reason": reason}
    assert caught.value.status == 401


def test_the_ends_of_the_time_window() -> None:
    _check(siwe.parse(TEXT), now=datetime(2026, 11, 1, 11, 0, tzinfo=UTC))
    _check(siwe.parse(TEXT), now=datetime(2026, 11, 1, 12, 9, 59, tzinfo=UTC))


def test_a_scheme_must_be_expected_when_it_is_named() -> None:
    plain = siwe.parse("http://" + TEXT)
    with pytest.raises(SiweRefused) as caught:
        _check(plain)
    assert caught.value.data == {"reason": "scheme"}
    _check(plain, schemes=["http", "https"])
    _check(siwe.parse("HTTPS://" + TEXT))


def test_domains_are_compared_without_case() -> None:
    _check(siwe.parse(TEXT.replace("wallets.example wants", "Wallets.Example wants")))


def test_the_account_s_signature_is_accepted_and_others_are_not() -> None:
    message = siwe.parse(TEXT)
    siwe.verify_signature(message, sign_message(TEXT, KEY))
    for signature in (sign_message(TEXT, generate_key()), sign_message(TEXT + " ", KEY), "0x" + "00" * 65):
        with pytest.raises(SiweRefused) as caught:
            siwe.verify_signature(message, signature)
        assert caught.value.data == {"reason": "signature"}


@pytest.mark.parametrize("signature", ["", "0x", "00" * 65, "0x0", "0xzz", "0x" + "00" * 4097])
def test_malformed_signatures_are_refused(signature: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        siwe.verify_signature(siwe.parse(TEXT), signature)
    assert caught.value.details[0]["field"] == "signature"


@pytest.mark.parametrize("vector", VECTORS["eip1271"].values(), ids=VECTORS["eip1271"])
def test_contract_wallets_are_asked_with_the_digest(vector: dict[str, str]) -> None:
    message = siwe.parse(vector["message"])
    asked = []

    def contract(address: str, digest: bytes, signature: bytes) -> bool:
        asked.append((address, digest, signature))
        return True

    siwe.verify_signature(message, vector["signature"], contract)
    assert asked == [
        (message.address, message_digest(vector["message"]), bytes.fromhex(vector["signature"][2:]))
    ]
    for refuse in (None, lambda *_: False):
        with pytest.raises(SiweRefused):
            siwe.verify_signature(message, vector["signature"], refuse)


def test_a_contract_is_not_asked_about_a_valid_key_signature() -> None:
    def contract(*_: object) -> bool:
        raise AssertionError("asked")

    siwe.verify_signature(siwe.parse(TEXT), sign_message(TEXT, KEY), contract)


@pytest.mark.parametrize(
    ("asked", "site"),
    [
        (TEXT, siwe.parse(TEXT).domain),
        (
            "  https://Wallet.example:8080 wants you to sign in with your Ethereum account:\n0x",
            "wallet.example:8080",
        ),
        ("wallet.example WANTS you to sign in with your Ethereum account", "wallet.example"),
        ("Hello, wallet.example", None),
        ("", None),
    ],
)
def test_a_signer_sees_what_asks_to_sign_in(asked: str, site: str | None) -> None:
    assert siwe.asks_to_sign_in(asked) == site
