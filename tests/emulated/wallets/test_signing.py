"""Sign messages and typed data, export keys, and check the audit rows of each use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.keys import accounts, curve, keystore, messages
from shared.store.session import Session
from shared.store.tables.system import AUDIT, AUDIT_SHARDS
from tests.emulated.wallets.samples import FIRST, KEY, typed
from tests.support import typed_data
from tests.support.clock import TestClock
from tests.support.people import PASSWORD, People, Person

PASSPHRASE = "a passphrase for the file"


def audited(resource: str) -> list[tuple[str, list[str]]]:
    session = Session(resources.database().snapshot())
    rows = [row for shard in session.read_all(AUDIT.scan(n) for n in range(AUDIT_SHARDS)) for row in shard]
    return [(row.action, row.events) for row in rows if row.resource == resource]


@pytest.fixture
def person(people: People) -> Iterator[Person]:
    yield people.register()


@pytest.mark.parametrize("hd", [True, False])
def test_signs_a_message_as_its_address(person: Person, hd: bool) -> None:
    wallet = person.wallet() if hd else person.imported(KEY)
    answer = person.ok(200, "POST", f"/wallets/{wallet['id']}/sign-message", {"message": "hello ✓"})
    assert answer["address"] == wallet["address"]
    assert messages.recover_message("hello ✓", bytes.fromhex(answer["signature"][2:])) == wallet["address"]
    assert ("sign_message", []) in audited(wallet["id"])


def test_signs_typed_data_of_its_own_chain_only(person: Person, people: People) -> None:
    wallet = person.imported(KEY)
    path = f"/wallets/{wallet['id']}/sign-typed-data"
    signature = person.ok(200, "POST", path, {"typed_data": typed()})["signature"]
    made = curve.Signature.from_bytes(bytes.fromhex(signature[2:]))
    assert accounts.address_of_public_key(curve.recovered(typed_data.digest(typed()), made)) == FIRST
    assert person.refused("CHAIN_MISMATCH", "POST", path, {"typed_data": typed(1)}).status == 422
    assert person.refused("VALIDATION_FAILED", "POST", path, {"typed_data": {"types": {}}}).status == 422
    assert people.register().refused("NOT_FOUND", "POST", path, {"typed_data": typed()}).status == 404


def permit(spender: str, value: int, contract: str = FIRST) -> dict[str, Any]:
    fields = (("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256"))
    kinds = [{"name": name, "type": kind} for name, kind in (*fields, ("deadline", "uint256"))]
    message = {"owner": FIRST, "spender": spender, "value": str(value), "nonce": 0, "deadline": 2**40}
    domain = {"name": "Coin", "version": "1", "chainId": 31337, "verifyingContract": contract}
    return {"types": {"Permit": kinds}, "primaryType": "Permit", "domain": domain, "message": message}


def rule(person: Person, path: str, body: Any) -> str:
    return str(person.refused("POLICY_DENIED", "POST", path, body).body["error"]["data"]["rule"])


def test_a_policy_bounds_signatures_and_denials_are_audited(person: Person) -> None:
    wallet = person.imported(KEY)
    sign, policy = f"/wallets/{wallet['id']}/sign-typed-data", f"/wallets/{wallet['id']}/policy"
    limits = [{"asset": "native", "max_per_day": "5"}]
    person.ok(200, "PUT", policy, {"limits": limits, "allowed_contracts": [FIRST.lower()]})
    assert rule(person, sign, {"typed_data": typed()}) == "typed_data", (
        "that its contract is listed is not enough"
    )
    assert ("sign_typed_data", ["policy.denied:typed_data"]) in audited(wallet["id"])
    message = f"/wallets/{wallet['id']}/sign-message"
    assert rule(person, message, {"message": "x" * 32}) == "message"
    person.ok(200, "POST", message, {"message": "x" * 33})
    person.ok(200, "PUT", policy, {"paused": True})
    assert rule(person, message, {"message": "x"}) == "paused"
    other = person.imported(bytes([7]) * 32)
    named = [{"contract": FIRST.lower(), "primary_type": "Mail"}]
    person.ok(200, "PUT", f"/wallets/{other['id']}/policy", {"allowed_typed_data": named})
    person.ok(200, "POST", f"/wallets/{other['id']}/sign-typed-data", {"typed_data": typed()})


def test_a_permit_counts_like_the_transfer_that_it_allows(person: Person) -> None:
    """A2: a signed permit allowed everything, past limits, recipients and the second person."""
    wallet = person.imported(KEY)
    sign, policy = f"/wallets/{wallet['id']}/sign-typed-data", f"/wallets/{wallet['id']}/policy"
    friend, thief = "0x" + "11" * 20, "0x" + "22" * 20
    limits = [{"asset": FIRST, "max_per_transaction": "10", "max_per_day": "15"}]
    rules = {"limits": limits, "allowed_recipients": [friend], "allowed_contracts": [FIRST]}
    person.ok(200, "PUT", policy, rules | {"approval_above": "9"})
    assert rule(person, sign, {"typed_data": permit(thief, 2**256 - 1)}) == "allowed_recipients"
    assert rule(person, sign, {"typed_data": permit(friend, 11)}) == "max_per_transaction"
    assert rule(person, sign, {"typed_data": permit(friend, 10)}) == "approval_above"
    assert rule(person, sign, {"typed_data": permit(friend, 1, "0x" + "33" * 20)}) == "allowed_contracts"
    person.ok(200, "POST", sign, {"typed_data": permit(friend, 9)})
    assert rule(person, sign, {"typed_data": permit(friend, 9)}) == "max_per_day"
    person.ok(200, "POST", sign, {"typed_data": permit(friend, 6)})


def test_a_text_that_signs_in_is_no_text_like_others(person: Person) -> None:
    """A3: an API key that may sign could sign in as the wallet, and export its key."""
    wallet = person.wallet()
    path = f"/wallets/{wallet['id']}/sign-message"

    def asks(site: str) -> dict[str, str]:
        line = f"{site} wants you to sign in with your Ethereum account:\n{wallet['address']}\n\n\nURI: https://x"
        return {"message": line}

    def key(*scopes: str) -> dict[str, str]:
        made = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": scopes})
        return {"x-api-key": made["api_key"], "authorization": ""}

    signer, signs_in = key("wallet:sign"), key("wallet:sign", "wallet:sign_in")
    for site in ("localhost:8080", "https://localhost:8080", "LOCALHOST", " localhost:8080"):
        assert person.refused("SIGN_IN_MESSAGE", "POST", path, asks(site)).status == 422
        for headers in (signer, signs_in):
            answer = person.app.call("POST", path, asks(site), headers={"x-api-key": headers["x-api-key"]})
            assert answer.code == "SIGN_IN_MESSAGE"
    elsewhere = asks("shop.example")
    person.ok(200, "POST", path, elsewhere)
    answers = [
        person.app.call("POST", path, elsewhere, headers={"x-api-key": one["x-api-key"]})
        for one in (signer, signs_in)
    ]
    assert [answer.status for answer in answers] == [403, 200]


def test_what_may_be_the_hash_of_such_a_text_needs_the_scope(person: Person) -> None:
    """A3 again: contract wallets sign in by a hash that their owner signed, in their own struct or alone."""
    wallet = person.imported(KEY)

    def statuses(path: str, body: dict[str, Any]) -> list[int]:
        answers = [person.call("POST", f"/wallets/{wallet['id']}/{path}", body)]
        for scopes in (["wallet:sign"], ["wallet:sign", "wallet:sign_in"]):
            made = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": scopes})
            headers = {"x-api-key": made["api_key"]}
            path_ = f"/wallets/{wallet['id']}/{path}"
            answers.append(person.app.call("POST", path_, body, headers=headers))
        return [answer.status for answer in answers]

    for primary, kind in (
        ("CoinbaseSmartWalletMessage", "bytes32"),
        ("Kernel", "bytes32"),
        ("ReplaySafeHash", "bytes32"),
        ("LightAccountMessage", "bytes"),
    ):
        document = typed() | {
            "types": {primary: [{"name": "hash", "type": kind}]},
            "primaryType": primary,
            "message": {"hash": "0x" + "ab" * 32},
        }
        assert statuses("sign-typed-data", {"typed_data": document}) == [200, 403, 200], primary
    for primary, name, expected in (
        ("AmbireOperation", "hash", [200, 403, 200]),
        ("CancelAuthorization", "nonce", [200, 200, 200]),
    ):
        fields = [{"name": "account", "type": "address"}, {"name": name, "type": "bytes32"}]
        beside = typed() | {
            "types": {primary: fields},
            "primaryType": primary,
            "message": {"account": FIRST, name: "0x" + "ab" * 32},
        }
        assert statuses("sign-typed-data", {"typed_data": beside}) == expected, primary
    for text in ("a" * 32, "é" * 16, "0x" + "ab" * 32):
        assert statuses("sign-message", {"message": text}) == [200, 403, 200], text
    assert statuses("sign-message", {"message": "hello"}) == [200, 200, 200]


def test_a_policy_is_replaced_as_a_whole(person: Person, people: People) -> None:
    wallet = person.imported(KEY)
    path = f"/wallets/{wallet['id']}/policy"
    empty = person.ok(200, "GET", path)
    assert empty["version"] == 0 and empty["limits"] == [] and empty["allowed_recipients"] is None
    limit = {"asset": "native", "max_per_transaction": "10", "max_per_day": None}
    body = {"limits": [limit], "allowed_recipients": [FIRST], "approval_above": "7"}
    made = person.ok(200, "PUT", path, body, headers={"if-match": '"0"'})
    assert made["version"] == 1 and made["limits"] == [limit] and made["approval_above"] == "7"
    assert person.ok(200, "GET", path) == made
    assert person.ok(200, "PUT", path, body)["version"] == 1
    assert person.refused("VERSION_MISMATCH", "PUT", path, {}, headers={"if-match": '"0"'}).status == 412
    twice = {"limits": [limit, {"asset": "native"}]}
    assert person.refused("VALIDATION_FAILED", "PUT", path, twice).status == 422
    few = {"approval_above": "7", "approvers": ["usr_2"], "approvals_required": 2}
    assert person.refused("VALIDATION_FAILED", "PUT", path, few).status == 422
    other = people.register()
    assert other.refused("NOT_FOUND", "GET", path).status == 404
    assert other.refused("NOT_FOUND", "PUT", path, {}).status == 404
    assert other.refused("NOT_FOUND", "DELETE", f"{path}/pending").status == 404


def test_a_looser_policy_holds_after_a_day_unless_it_is_withdrawn(people: People) -> None:
    with resources.override(clock=TestClock()):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        person = people.register()
        path = f"/wallets/{person.imported(KEY)['id']}/policy"
        strict = person.ok(200, "PUT", path, {"allowed_recipients": [FIRST]})
        asked = person.ok(200, "PUT", path, {"max_fee_per_day": "7"})
        assert (asked["allowed_recipients"], asked["max_fee_per_day"]) == ([FIRST], "7")
        assert asked["pending"]["allowed_recipients"] is None and asked["pending"]["holds_from"]
        assert person.ok(200, "GET", path) == asked and asked["version"] == strict["version"] + 1
        person.ok(204, "DELETE", f"{path}/pending")
        clock.advance(timedelta(days=2))
        people.sign_in(person)
        kept = person.ok(200, "GET", path)
        assert (kept["allowed_recipients"], kept["pending"]) == ([FIRST], None)
        person.ok(200, "PUT", path, {})
        clock.advance(timedelta(hours=23, minutes=59))
        people.sign_in(person)
        assert person.ok(200, "GET", path)["allowed_recipients"] == [FIRST]
        person.refused("VERSION_MISMATCH", "PUT", path, {}, headers={"if-match": '"0"'})
        clock.advance(timedelta(minutes=1))
        people.sign_in(person)
        open_ = person.ok(200, "GET", path)
        assert (open_["allowed_recipients"], open_["pending"]) == (None, None)
        person.ok(200, "PUT", path, {"paused": True}, headers={"if-match": f'"{open_["version"]}"'})
        clock.advance(timedelta(minutes=6))
        person.refused("STEP_UP_REQUIRED", "PUT", path, {})


def test_exports_to_the_owner_who_has_just_signed_in(people: People) -> None:
    with resources.override(clock=TestClock()):
        person = people.register()
        wallet = person.imported(KEY)
        path = f"/wallets/{wallet['id']}/export"
        answer = person.call("POST", path, {"passphrase": PASSPHRASE}, key="k1")
        assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
        assert keystore.decrypt(answer.body["keystore"], PASSPHRASE) == KEY
        again = person.call("POST", path, {"passphrase": PASSPHRASE}, key="k1")
        assert again.body == {"keystore": None, "private_key": None}
        bare = person.ok(200, "POST", path, {"format": "private_key"})
        assert bare["private_key"] == "0x" + KEY.hex()
        assert audited(wallet["id"]).count(("export_wallet", ["account.key_exported"])) == 2
        person.refused("VALIDATION_FAILED", "POST", path, {})
        person.refused("VALIDATION_FAILED", "POST", path, {"passphrase": "short"})
        people.register().refused("NOT_FOUND", "POST", path, {"passphrase": PASSPHRASE})
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        clock.advance(timedelta(minutes=5, seconds=1))
        stale = person.refused("STEP_UP_REQUIRED", "POST", path, {"passphrase": PASSPHRASE})
        assert stale.status == 403
        body = {"refresh_token": person.refresh_token}
        person.token = person.app.ok(200, "POST", "/auth/refresh", body)["token"]
        person.refused("STEP_UP_REQUIRED", "POST", path, {"passphrase": PASSPHRASE})
        people.sign_in(person, PASSWORD)
        assert accounts.address_of(KEY) == FIRST
        person.ok(200, "POST", path, {"passphrase": PASSPHRASE})


def test_nobody_exports_anothers_key_whatever_the_role(person: Person) -> None:
    wallet = person.imported(KEY)
    for role in ("admin", "service"):
        answer = person.app.call(
            "POST", f"/wallets/{wallet['id']}/export", {"format": "private_key"}, user="usr_x", roles=(role,)
        )
        assert answer.code == ("FORBIDDEN" if role == "admin" else "NOT_FOUND")
