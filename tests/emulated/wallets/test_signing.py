"""Signing messages and typed data, exporting keys, and the audit rows of each use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared import resources
from shared.keys import accounts, keystore, messages
from shared.store.session import Session
from shared.store.tables.system import AUDIT, AUDIT_SHARDS
from tests.emulated.wallets.samples import FIRST, KEY, typed
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
    from shared.keys.typed_data import typed_data_digest

    digest = typed_data_digest(typed(), 31337)
    assert messages.recover_digest(digest, bytes.fromhex(signature[2:])) == FIRST
    assert person.refused("CHAIN_MISMATCH", "POST", path, {"typed_data": typed(1)}).status == 422
    assert person.refused("VALIDATION_FAILED", "POST", path, {"typed_data": {"types": {}}}).status == 422
    assert people.register().refused("NOT_FOUND", "POST", path, {"typed_data": typed()}).status == 404


def test_a_policy_bounds_signatures_and_denials_are_audited(person: Person) -> None:
    wallet = person.imported(KEY)
    sign, policy = f"/wallets/{wallet['id']}/sign-typed-data", f"/wallets/{wallet['id']}/policy"
    limits = [{"asset": "native", "max_per_day": "5"}]
    person.ok(200, "PUT", policy, {"limits": limits})
    denied = person.refused("POLICY_DENIED", "POST", sign, {"typed_data": typed()})
    assert denied.body["error"]["data"] == {"rule": "typed_data"}
    assert ("sign_typed_data", ["policy.denied:typed_data"]) in audited(wallet["id"])
    person.ok(200, "PUT", policy, {"limits": limits, "allowed_contracts": [FIRST.lower()]})
    person.ok(200, "POST", sign, {"typed_data": typed()})
    person.ok(200, "PUT", policy, {"paused": True})
    message = f"/wallets/{wallet['id']}/sign-message"
    assert person.refused("POLICY_DENIED", "POST", message, {"message": "x"}).status == 422


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
    assert person.ok(200, "PUT", path, {})["limits"] == []
    twice = {"limits": [limit, {"asset": "native"}]}
    assert person.refused("VALIDATION_FAILED", "PUT", path, twice).status == 422
    other = people.register()
    assert other.refused("NOT_FOUND", "GET", path).status == 404
    assert other.refused("NOT_FOUND", "PUT", path, {}).status == 404


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
