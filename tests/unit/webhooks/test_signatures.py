"""Signatures equal the reference library's, byte for byte, and other secrets do not verify."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from shared.webhooks.signatures import SigningSecret, headers

NOW = datetime(2026, 11, 27, 12, 0, 0, 999_999, tzinfo=UTC)
BODY = '{"type":"order.completed","note":"ü"}'


def test_a_signature_is_the_reference_librarys() -> None:
    secret = SigningSecret.generate()
    made = headers([secret], "evt_1", NOW, BODY.encode())
    first, second = made["webhook-signature"].split(" ")
    assert first == Webhook(secret.text).sign("evt_1", NOW.replace(microsecond=0), BODY)
    assert second.startswith("v1a,")
    assert (made["webhook-id"], made["webhook-timestamp"]) == ("evt_1", str(int(NOW.timestamp())))


def test_the_public_key_verifies_and_no_other() -> None:
    secret, other = SigningSecret.generate(), SigningSecret.generate()
    made = headers([secret], "evt_1", NOW, BODY.encode())
    signature = base64.b64decode(made["webhook-signature"].split("v1a,")[1])
    signed = f"evt_1.{made['webhook-timestamp']}.{BODY}".encode()
    keys = [
        Ed25519PublicKey.from_public_bytes(base64.b64decode(one.public_key.removeprefix("whpk_")))
        for one in (secret, other)
    ]
    keys[0].verify(signature, signed)
    with pytest.raises(InvalidSignature):
        keys[1].verify(signature, signed)


def test_a_secret_survives_being_stored_and_shows_nothing() -> None:
    secret = SigningSecret.generate()
    assert SigningSecret.from_bytes(secret.to_bytes()) == secret
    assert repr(secret) == "SigningSecret()"
    with pytest.raises(ValueError, match="64 bytes"):
        SigningSecret.from_bytes(secret.to_bytes()[:63])
