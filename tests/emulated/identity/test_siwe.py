"""Sign in with a wallet: a key's signature, a contract's confirmation, and all refusals."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.domain import users as rules
from shared.identity import siwe_nonces
from shared.keys import accounts, messages
from shared.keys.addresses import parse_address
from shared.store.session import Session
from shared.store.tables.users import USERS
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, App
from tests.support.json_rpc import ask
from tests.support.people import People, Person

# Returns the magic value if the digest equals storage slot 0, else 0.
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


def test_who_is_asked_for_a_second_factor_answers_with_the_same_signature(
    people: People, app: App, key: bytes
) -> None:
    clock = TestClock(resources.clock().now())
    with resources.override(clock=clock):
        _answered_with_the_same_signature(app, key, clock)


def _answered_with_the_same_signature(app: App, key: bytes, clock: TestClock) -> None:
    message = text(app, accounts.address_of(key))
    signature = messages.sign_message(message, key)
    token = verify(app, message, signature).body["token"]
    phone = Authenticator(Person(app, "", "", token, ""), clock)
    phone.prove()
    clock.advance(timedelta(minutes=1))
    message = text(app, accounts.address_of(key))
    body = {"message": message, "signature": messages.sign_message(message, key)}
    for _ in range(2):
        assert app.call("POST", "/auth/siwe/verify", body).code == "SECOND_FACTOR_REQUIRED"
    wrong = app.call("POST", "/auth/siwe/verify", body | {"otp": "000000"})
    assert wrong.code == "ONE_TIME_CODE_INVALID"
    assert app.call("POST", "/auth/siwe/verify", body | {"otp": phone.code()}).status == 200
    clock.advance(timedelta(minutes=1))
    replayed = app.call("POST", "/auth/siwe/verify", body | {"otp": phone.code()})
    assert replayed.body["error"]["data"] == {"reason": "nonce"}


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
    address = parse_address("0x" + secrets.token_hex(20))
    ask(emulators["RPC_URL"], "anvil_setCode", address, CONTRACT)
    message = text(app, address)
    assert verify(app, message, "0xabcdef").body["error"]["data"] == {"reason": "signature"}
    approved = "0x" + messages.message_digest(message).hex()
    ask(emulators["RPC_URL"], "anvil_setStorageAt", address, "0x" + "0" * 64, approved)
    assert verify(app, message, "0xabcdef").status == 200
    users = Session(resources.database().snapshot()).many(USERS.scan())
    assert [user.address for user in users] == [f"eip155:31337:{address}"]


def test_a_contract_elsewhere_is_somebody_else(
    people: People, app: App, emulators: Mapping[str, str]
) -> None:
    """A6: an always-yes contract at the victim's address on another served chain signed in as the victim."""
    address = parse_address("0x" + secrets.token_hex(20))
    now = resources.clock().now()
    by_key = rules.register(user_id="usr_key", now=now, address=address)
    on_ethereum = rules.register(user_id="usr_contract", now=now, address=f"eip155:1:{address}")
    resources.database().write([USERS.write("insert", one) for one in (by_key, on_ethereum)])
    always_yes = "0x631626ba7e60e01b60005260206000f3"
    ask(emulators["RPC_URL"], "anvil_setCode", address, always_yes)
    answer = verify(app, text(app, address), "0xabcdef")
    assert answer.status == 200, answer.text
    me = app.ok(200, "GET", "/auth/me", headers={"authorization": f"Bearer {answer.body['token']}"})
    assert me["id"] not in ("usr_key", "usr_contract")
    assert me["address"] == f"eip155:31337:{address}"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/login",
        "https://localhost:8080@evil.example/",  # pragma: allowlist secret
        "urn:x:y",
    ],
)
def test_a_message_is_for_the_page_that_asks(people: People, app: App, key: bytes, uri: str) -> None:
    """A18: the URI was not checked."""
    message = text(app, accounts.address_of(key)).replace("https://localhost:8080/login", uri)
    answer = verify(app, message, messages.sign_message(message, key))
    assert answer.body["error"].get("data") == {"reason": "uri"}, answer.text


def test_a_key_does_not_become_a_session_by_signing(people: People, app: App, key: bytes) -> None:
    """A3: an API key with `wallet:sign` signed the product's own message, and the session exported the key."""
    person = people.register()
    wallet = person.imported(key)
    api_key = person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:sign"]})["api_key"]
    path = f"/wallets/{wallet['id']}/sign-message"
    ours = text(app, wallet["address"])
    for message in (ours, "https://" + ours, ours.upper(), ours.replace(":8080 wants", " wants"), " " + ours):
        for headers in ({"x-api-key": api_key}, {"authorization": f"Bearer {person.token}"}):
            answer = app.call("POST", path, {"message": message}, headers=headers)
            assert (answer.status, answer.code) == (422, "SIGN_IN_MESSAGE"), answer.text
    elsewhere = {"message": ours.replace("localhost:8080", "opensea.io")}
    assert app.call("POST", path, elsewhere, headers={"x-api-key": api_key}).code == "FORBIDDEN"
    assert person.ok(200, "POST", path, elsewhere)["signature"]
    assert app.call("POST", path, {"message": "hello"}, headers={"x-api-key": api_key}).status == 200


def test_a_key_signs_no_struct_that_a_contract_takes_for_a_sign_in(people: People, app: App) -> None:
    """Related to A3: an account of ERC-7739, or a Safe, whose owner is a wallet here, signs in by its struct."""
    person = people.register()
    wallet, safe = person.wallet(), "0x00000000000000000000000000000000000000AA"
    scopes = {"name": "robot", "scopes": ["wallet:sign"]}
    key = {"x-api-key": person.ok(201, "POST", "/auth/api-keys", scopes)["api_key"]}

    def sign(primary: str, field: str, content: bytes) -> Answer:
        domain = {"chainId": 31337, "verifyingContract": safe}
        kinds = {"chainId": "uint256", "verifyingContract": "address"}
        document = {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in kinds.items()],
                primary: [{"name": field, "type": "bytes"}],
            },
            "primaryType": primary,
            "domain": domain,
            "message": {field: "0x" + content.hex()},
        }
        return app.call(
            "POST", f"/wallets/{wallet['id']}/sign-typed-data", {"typed_data": document}, headers=key
        )

    prefix = b"\x19Ethereum Signed Message:\n200"
    assert sign("PersonalSign", "prefixed", prefix + text(app, safe).encode()).code == "SIGN_IN_MESSAGE"
    elsewhere = text(app, safe, domain="other.example").encode()
    assert sign("PersonalSign", "prefixed", prefix + elsewhere).code == "FORBIDDEN"
    assert sign("SafeMessage", "message", b"h" * 32).code == "FORBIDDEN"
    assert sign("PersonalSign", "prefixed", prefix + b"hello").status == 200
