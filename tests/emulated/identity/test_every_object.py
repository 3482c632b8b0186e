"""Call every route that names somebody's resource with another user's token. The data below has the expected
results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared import resources
from shared.runtime import operation
from shared.runtime.operation import HttpTrigger
from shared.store.session import Session
from shared.store.table import TABLES
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import NO_CACHE, Desk
from tests.emulated.identity.test_every_route import MAY
from tests.emulated.wallets.test_signing import typed
from tests.support.inprocess import App
from tests.support.people import People, Person

FRIEND = "0x00000000000000000000000000000000000000F1"
ITEM = {"product_id": "p", "product_name": "A thing", "price": "0.1", "quantity": 1}
HIDDEN, FORBIDDEN = (404, "NOT_FOUND"), (403, "FORBIDDEN")

# Route → a stranger's request. The answer is HIDDEN, or FORBIDDEN if users lack the permission.
BODIES: dict[str, Any] = {
    "PUT /supplies/{supply_id}": {"amount": "3"},
    "PUT /orders/{order_id}": {"note": "mine"},
    "POST /claims/{claim_id}/reject": {"reason": "no"},
    "POST /claims/{claim_id}/abandon-settlement": {"reason": "no"},
    "POST /claims/{claim_id}/retry-settlement": {"reason": "no"},
    "POST /wallets/{wallet_id}/export": {"format": "private_key"},
    "POST /wallets/{wallet_id}/sign-message": {"message": "x"},
    "POST /wallets/{wallet_id}/sign-typed-data": {"typed_data": typed()},
    "PUT /wallets/{wallet_id}/policy": {"paused": True},
    "PUT /contracts/{contract_id}/abi": {"abi": []},
    "PUT /admin/users/{id}": {"tier": "premium"},
    "POST /admin/users/{id}/api-keys/{api_key_id}/revoke": {"reason": "not yours at all"},
    # Routes that name the resource in the body:
    "POST /supplies": {"currency": "ETH", "amount": "1", "wallet_id": "{wallet_id}"},
    "POST /orders": {"currency": "ETH", "items": [ITEM], "supply_ids": ["{supply_id}"]},
    "POST /claims": {"order_id": "{open_id}", "wallet_id": "{wallet_id}"},
    "POST /claims/next": {"wallet_id": "{wallet_id}"},
    "POST /transactions": {"wallet_id": "{wallet_id}", "to": FRIEND, "value": "1"},
    "POST /transactions/estimate-gas": {"wallet_id": "{wallet_id}", "to": FRIEND, "value": "1"},
    "POST /contracts": {"wallet_id": "{wallet_id}", "name": "x", "bytecode": "0x6000"},
    "POST /contracts/{contract_id}/call": {"method": "symbol"},
    "POST /contracts/{contract_id}/send": {"method": "approve", "arguments": [FRIEND, "1"]},
    "POST /transactions/simulate": {"wallet_id": "{wallet_id}", "to": FRIEND, "value": "1"},
}
UNOWNED = {
    "GET /ens/reverse/{address}",  # belongs to the chain, not to a user
    "GET /transactions/by-hash/{chain}/{hash}",
}  # tested below with an existing hash
LISTS = ("/supplies", "/orders", "/claims", "/wallets", "/transactions", "/contracts")


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


@pytest.fixture
def theirs(desk: Desk, people: People) -> dict[str, str]:
    """One of everything, all owned by another user."""
    owner, claimer = people.register(), desk.claimer()
    wallet = desk.imported(owner.id, ether=5)
    supply = desk.supply(owner.id, "2")
    claimed, open_one = desk.order(owner.id, "0.1"), desk.order(owner.id, "0.1")
    claim = desk.claimed(claimer, claimed["id"])
    sent = owner.ok(202, "POST", "/transactions", {"wallet_id": wallet, "to": FRIEND, "value": "1"})
    desk.rpc("anvil_setCode", FRIEND, "0x00")
    taken = {"name": "coin", "type": "erc20", "address": FRIEND}
    contract = owner.ok(201, "POST", "/contracts/import", taken)
    key = owner.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:read"]})
    return {
        "wallet_id": wallet,
        "supply_id": supply["id"],
        "order_id": claimed["id"],
        "open_id": open_one["id"],
        "claim_id": claim["id"],
        "transaction_id": sent["id"],
        "api_key_id": key["id"],
        "contract_id": contract["id"],
        "address": contract["address"],
        "id": owner.id,
        "claimer_id": claimer,
        "chain": "local",
        "hash": "0x" + "00" * 32,
    }


@pytest.fixture
def stranger(desk: Desk, people: People, theirs: dict[str, str]) -> Person:
    person = people.register()
    desk.wallet(person.id)
    return person


def naming() -> Iterator[tuple[str, HttpTrigger]]:
    """The routes whose path names a resource, and those of the table whose body does."""
    for entry in operation.catalog().values():
        for trigger in entry.https:
            route = f"{trigger.method} {trigger.path.removeprefix('/api/v1')}"
            if trigger.pattern.groupindex or route in BODIES:
                yield route, trigger


def filled(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, str):
        return part.format_map(names) if "{" in part else part
    if isinstance(part, list):
        return [filled(one, names) for one in part]
    return {key: filled(value, names) for key, value in part.items()} if isinstance(part, dict) else part


def rows() -> dict[str, list[Any]]:
    """All stored rows except the records of requests and denials."""
    session = Session(resources.database().snapshot())
    return {
        name: session.many(table.scan())
        for name, table in TABLES.items()
        if name not in ("sessions", "audit")
    }


def test_nothing_of_anybody_else_is_shown_moved_or_changed(theirs: dict[str, str], stranger: Person) -> None:
    before, wrong, tried = rows(), [], 0
    for route, trigger in naming():
        if not set(trigger.pattern.groupindex) <= theirs.keys() or route in UNOWNED:
            continue
        path = filled(trigger.path.removeprefix("/api/v1"), theirs)
        answer = stranger.call(trigger.method, path, filled(BODIES.get(route), theirs), headers=NO_CACHE)
        tried += 1
        allowed = trigger.permission == operation.SELF or trigger.permission in MAY["user"]
        if (answer.status, answer.code) != (HIDDEN if allowed else FORBIDDEN):
            wrong.append((route, answer.status, answer.text))
    assert wrong == [] and tried >= 35
    assert rows() == before


def test_the_table_names_routes_that_exist() -> None:
    routes = {route for route, _ in naming()}
    assert BODIES.keys() | UNOWNED <= routes


def test_lists_hold_ones_own_whoever_is_named(theirs: dict[str, str], stranger: Person) -> None:
    for path in LISTS:
        for query in (f"?user_id={theirs['id']}", ""):
            seen = stranger.ok(200, "GET", path + query)["items"]
            assert {item["user_id"] for item in seen} <= {stranger.id}, path
    stranger.refused("NOT_FOUND", "GET", f"/claims?order_id={theirs['order_id']}")
    stranger.refused("FORBIDDEN", "GET", f"/reconciliation?user_id={theirs['id']}")
    assert stranger.ok(200, "GET", "/auth/api-keys")["items"] == []
    assert stranger.ok(200, "GET", "/events")["items"] == []


def test_an_open_order_shows_its_public_part_only(theirs: dict[str, str], stranger: Person) -> None:
    seen = stranger.ok(200, "GET", f"/orders/{theirs['open_id']}", headers=NO_CACHE)
    assert not {"allocations", "note", "claim_id"} & {name for name, value in seen.items() if value}


def test_a_hash_finds_ones_own_transaction_only(desk: Desk, theirs: dict[str, str], stranger: Person) -> None:
    desk.app.schedule("tick_chain")
    from shared.store.tables.transactions import TRANSACTIONS

    row = Session(resources.database().snapshot()).one(TRANSACTIONS.get(theirs["transaction_id"]))
    assert row.hash
    path = f"/transactions/by-hash/local/{row.hash}"
    assert desk.app.call("GET", path, user=row.user_id).status == 200
    stranger.refused("NOT_FOUND", "GET", path)
