"""An access token lives for 15 minutes; rights to move money, sign, show a key or administrate end with its sign-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared import resources
from shared.ops import appoint_admin
from shared.store.session import Session
from shared.store.tables.sign_ins import SESSIONS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.round_trips import CountingDatabase
from tests.emulated.desk.world import Desk
from tests.emulated.wallets.test_signing import typed
from tests.support.inprocess import App, command
from tests.support.people import People, Person

FRIEND = "0x00000000000000000000000000000000000000F1"
ITEM = {"product_id": "p", "product_name": "A thing", "price": "0.1", "quantity": 1}


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


@pytest.fixture
def admin(people: People) -> Person:
    person = people.register()
    appoint_admin.appoint(person.email)
    people.sign_in(person)
    return person


def disabled(person: Person, admin: Person) -> None:
    admin.ok(200, "PUT", f"/admin/users/{person.id}", {"disabled": True})


def signed_out(person: Person, admin: Person) -> None:
    person.ok(204, "POST", "/auth/logout")


def demoted(person: Person, admin: Person) -> None:
    admin.ok(200, "PUT", f"/admin/users/{person.id}", {"roles": ["user"]})


def reused(person: Person, admin: Person) -> None:
    first = person.refresh_token
    for expected in (200, 401):
        assert person.app.call("POST", "/auth/refresh", {"refresh_token": first}).status == expected


def everything(desk: Desk, person: Person, admin: Person) -> list[tuple[str, str, Any]]:
    """Prepare a successful call of each kind."""
    wallet = desk.imported(person.id, ether=5)
    other = desk.claimer()
    supply = desk.supply(person.id, "2")
    claimed, mine, open_one = (desk.order(person.id, "0.1") for _ in range(3))
    claim = desk.claimed(other, claimed["id"])
    theirs = desk.order(desk.shopper(), "0.1")
    queued = person.ok(202, "POST", "/transactions", {"wallet_id": wallet, "to": FRIEND, "value": "1"})
    return [
        ("POST", "/transactions", {"wallet_id": wallet, "to": FRIEND, "value": "1"}),
        ("POST", f"/transactions/{queued['id']}/speed-up", None),
        ("POST", f"/transactions/{queued['id']}/cancel", None),
        ("POST", f"/wallets/{wallet}/export", {"format": "private_key"}),
        ("POST", f"/wallets/{wallet}/sign-message", {"message": "x"}),
        ("POST", f"/wallets/{wallet}/sign-typed-data", {"typed_data": typed()}),
        ("PUT", f"/wallets/{wallet}/policy", {"paused": True}),
        ("DELETE", f"/wallets/{wallet}?force=true", None),
        ("POST", "/supplies", {"currency": "ETH", "amount": "1", "wallet_id": wallet}),
        ("PUT", f"/supplies/{supply['id']}", {"amount": "3"}),
        ("POST", "/orders", {"currency": "ETH", "items": [ITEM]}),
        ("POST", f"/orders/{mine['id']}/cancel", None),
        ("DELETE", f"/orders/{open_one['id']}", None),
        ("POST", "/claims", {"order_id": theirs["id"], "wallet_id": wallet}),
        ("POST", f"/claims/{claim['id']}/process", None),
        ("POST", "/auth/api-keys", {"name": "robot", "scopes": ["transaction:send"]}),
        ("PUT", f"/admin/users/{admin.id}", {"disabled": True}),
        ("POST", "/claims/next", {"wallet_id": wallet}),
        ("POST", "/wallets", {"name": "whose mnemonic somebody else knows"}),
        ("POST", "/wallets/import", {"name": "x", "private_key": "0x" + "17" * 32}),
        ("POST", f"/wallets/{wallet}/restore", None),
        ("POST", "/auth/totp", None),
    ]


@pytest.mark.parametrize("end", [disabled, signed_out, demoted, reused])
def test_nothing_sensitive_outlives_a_sign_in(
    desk: Desk, people: People, admin: Person, end: Callable[[Person, Person], None]
) -> None:
    person = people.register()
    admin.ok(200, "PUT", f"/admin/users/{person.id}", {"roles": ["admin", "user"]})
    people.sign_in(person)
    calls = everything(desk, person, admin)
    end(person, admin)
    answers = [(method, path, person.call(method, path, body)) for method, path, body in calls]
    assert [(m, path, a.text) for m, path, a in answers if (a.status, a.code) != (401, "SIGN_IN_ENDED")] == []
    if end is disabled:
        return
    people.sign_in(person)
    if end is demoted:
        calls = [one for one in calls if "/admin/" not in one[1]]
    for method, path, body in calls[:7]:
        assert person.call(method, path, body).status < 300, "the call itself was right"


def test_a_command_of_a_disabled_account_is_refused(desk: Desk, people: People, admin: Person) -> None:
    person = people.register()
    wallet = desk.imported(person.id, ether=1)
    disabled(person, admin)
    body = {"wallet_id": wallet, "to": FRIEND, "value": "1"}
    assert desk.app.push("send_transaction", command("transaction.send", person.id, body)).status == 204
    refusal = desk.envelope("command.refused", person.id)
    assert refusal["data"]["error"]["code"] == "SIGN_IN_ENDED"


def test_a_stored_answer_is_not_replayed_to_who_may_not_ask_any_more(
    desk: Desk, people: People, admin: Person
) -> None:
    person = people.register()
    body = {"wallet_id": desk.imported(person.id, ether=1), "to": FRIEND, "value": "1"}
    assert person.call("POST", "/transactions", body, key="k").status == 202
    assert person.call("POST", "/transactions", body, key="k").headers["Idempotent-Replayed"] == "true"
    disabled(person, admin)
    assert person.call("POST", "/transactions", body, key="k").code == "SIGN_IN_ENDED"


def test_the_session_check_costs_no_round_trip(desk: Desk, people: People) -> None:
    person = people.register()
    wallet = desk.imported(person.id, ether=5)
    counting = CountingDatabase(resources.database())
    with resources.override(database=counting):
        for call in (("POST", "/transactions", {"wallet_id": wallet, "to": FRIEND, "value": "1"}),):
            person.ok(202, *call)
    assert counting.trips[1].startswith("read in transaction: users, sessions, wallets")
    assert [trip.split(":")[0] for trip in counting.trips] == ["read", "read in transaction", "commit"]


def test_a_sign_ins_row_outlives_its_tokens(people: People) -> None:
    """The reason that a missing row proves nothing: the schema deletes it a day after an end that is 30 days away."""
    person = people.register()
    session = person.refresh_token.split(".")[0].removeprefix("wbr_")
    row = Session(resources.database().snapshot()).one(SESSIONS.get(session))
    assert (row.expires_at - row.authenticated_at).days == 30
