"""Signing in with a wallet: a key's signature, a contract's word, and everything that is refused."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import resources
from shared.domain import users as rules
from shared.identity import siwe_nonces
from shared.keys import accounts, messages
from shared.keys.addresses import parse_address
from shared.store.session import Session
from shared.store.tables.users import USERS
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, App
from tests.support.people import People

# Answers the magic value when the digest equals storage slot 0, else 0.
CONTRACT = "0x60043560005414631626ba7e60e01b0260005260206000f3"


@pytest.fixture
def key() -> bytes:
    return accounts.generate_key()


def text(app: App, address: str, **fields: Any) -> str:
    nonce = fields.pop("nonce", None) or app.ok(200, "POST", "/auth/siwe/nonce")["nonce"]
    given = {
        "domain": "localhost:8080",
        "chain": 31337,
        "issued": "2026-01-01T00:00:00Z",
        "more": "",
    } | fields
    return (
        f"{given['domain']} wants you to sign in with your Ethereum account:\n{address}\n\nHello.\n\n"
        f"URI: https://localhost:8080/login\nVersion: 1\nChain ID: {given['chain']}\nNonce: {nonce}\n"
        f"Issued At: {given['issued']}{given['more']}"
    )


def verify(app: App, message: str, signature: str) -> Answer:
    return app.call("POST", "/auth/siwe/verify", {"message": message, "signature": signature})


def test_a_key_signs_in_and_its_address_is_one_account(people: People, app: App, key: bytes) -> None:
    seen = set()
    for _ in range(2):
        message = text(app, accounts.address_of(key))
        answer = verify(app, message, messages.sign_message(message, key))
        assert answer.status == 200, answer.text
        me = app.call("GET", "/auth/me", headers={"authorization": f"Bearer {answer.body['token']}"}).body
        assert me["address"] == accounts.address_of(key) and me["email"] is None
        seen.add(me["id"])
        refreshed = app.ok(200, "POST", "/auth/refresh", {"refresh_token": answer.body["refresh_token"]})
        assert refreshed["token"]
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domain": "evil.example"}, "domain"),
        ({"domain": "ftp://localhost:8080"}, "scheme"),
        ({"chain": 1}, "chain"),
        ({"nonce": "a" * 56}, "nonce"),
        ({"more": "\nExpiration Time: 2026-01-02T00:00:00Z"}, "time"),
        ({"more": "\nNot Before: 2999-01-02T00:00:00Z"}, "time"),
    ],
)
def test_refuses_a_message_for_elsewhere(
    people: People, app: App, key: bytes, fields: dict[str, str], reason: str
) -> None:
    with resources.override(clock=TestClock(resources.clock().now() + timedelta(days=3650))):
        message = text(app, accounts.address_of(key), **fields)
        answer = verify(app, message, messages.sign_message(message, key))
        assert (answer.status, answer.code) == (401, "SIWE_REFUSED"), answer.text
        assert answer.body["error"]["data"] == {"reason": reason}


def test_a_nonce_counts_once_and_for_ten_minutes(people: People, app: App, key: bytes) -> None:
    message = text(app, accounts.address_of(key))
    signature = messages.sign_message(message, key)
    assert verify(app, message, signature).status == 200
    assert verify(app, message, signature).body["error"]["data"] == {"reason": "nonce"}
    message = text(app, accounts.address_of(key))
    with resources.override(clock=TestClock(resources.clock().now() + siwe_nonces.LIFETIME)):
        answer = verify(app, message, messages.sign_message(message, key))
    assert answer.body["error"]["data"] == {"reason": "nonce"}


def test_refuses_anothers_signature_and_nonsense(people: People, app: App, key: bytes) -> None:
    message = text(app, accounts.address_of(key))
    other = messages.sign_message(message, accounts.generate_key())
    assert verify(app, message, other).body["error"]["data"] == {"reason": "signature"}
    assert verify(app, "Let me in", other).code == "VALIDATION_FAILED"
    assert verify(app, message, "0x12").body["error"]["data"] == {"reason": "signature"}
    assert verify(app, message, "hello").status == 422


def test_a_disabled_account_stays_out(people: People, app: App, key: bytes) -> None:
    now = resources.clock().now()
    user = rules.register(user_id="usr_gone", now=now, address=accounts.address_of(key))
    resources.database().write([USERS.write("insert", changed(user, disabled=True))])
    message = text(app, accounts.address_of(key))
    assert verify(app, message, messages.sign_message(message, key)).code == "INVALID_CREDENTIALS"


def test_a_contract_wallet_decides_by_itself(people: People, app: App, emulators: Mapping[str, str]) -> None:
    def rpc(method: str, *params: Any) -> None:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        assert "error" not in httpx.post(emulators["RPC_URL"], json=body, timeout=10).json()

    address = parse_address("0x" + secrets.token_hex(20))
    rpc("anvil_setCode", address, CONTRACT)
    message = text(app, address)
    assert verify(app, message, "0xabcdef").body["error"]["data"] == {"reason": "signature"}
    rpc("anvil_setStorageAt", address, "0x" + "0" * 64, "0x" + messages.message_digest(message).hex())
    assert verify(app, message, "0xabcdef").status == 200
    users = Session(resources.database().snapshot()).one(USERS.scan())
    assert [user.address for user in users] == [address]
