"""Who may send and see what, keys, commands, lists, deadlines, and the reading calls; refusals are in test_refusals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account

from functions.transactions import list_transactions
from shared import resources
from shared.store.session import Session
from shared.store.table import Query
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES, TRANSACTIONS
from tests.emulated.engine.world import ETHER, World
from tests.support.inprocess import command

TARGET = "0x000000000000000000000000000000000000dEaD"
FAILS = "0x5f80fd"  # PUSH0 DUP1 REVERT as init code


def test_others_wallets_and_transactions_do_not_exist(world: World) -> None:
    wallet, other = world.wallet(), world.wallet()
    sent = world.send(wallet, TARGET)["id"]
    for method, path, body in [
        ("POST", "/transactions", {"wallet_id": wallet.id, "to": TARGET}),
        ("GET", f"/transactions/{sent}", None),
        ("GET", f"/transactions/{sent}/receipt", None),
        ("POST", f"/transactions/{sent}/cancel", None),
        ("POST", f"/transactions/{sent}/speed-up", None),
    ]:
        assert world.app.call(method, path, body, user=other.user_id).status == 404, path
    assert world.app.ok(200, "GET", "/transactions", user=other.user_id)["items"] == []
    assert world.app.call("GET", f"/transactions/{sent}", user="ops", roles=("operator",)).status == 200
    answer = world.app.call("POST", "/transactions", {"to": TARGET}, user=wallet.user_id, key=None)
    assert (answer.status, answer.code) == (400, "IDEMPOTENCY_KEY_REQUIRED")


def test_one_idempotency_key_sends_one_transaction(world: World) -> None:
    wallet = world.wallet()
    body = {"wallet_id": wallet.id, "to": TARGET, "value": "5"}
    first = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    again = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    assert again.text == first.text and again.headers["Idempotent-Replayed"] == "true"
    other = world.app.call("POST", "/transactions", body | {"value": "6"}, user=wallet.user_id, key="k1")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    world.settle()
    late = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    assert late.text == first.text
    assert world.balance(wallet.address) > 9 * ETHER and world.count(wallet.address) == 1


def test_a_command_sends_too(world: World) -> None:
    wallet = world.wallet()
    event = command("transaction.send", wallet.user_id, {"to": TARGET, "value": "5"})
    assert world.app.push("send_transaction", event).status == 204
    assert world.app.push("send_transaction", event).status == 204
    (row,) = world.rows(TRANSACTIONS)
    assert (row.user_id, row.value) == (wallet.user_id, 5)
    bad = command("transaction.send", wallet.user_id, {"to": "nobody"})
    assert world.app.push("send_transaction", bad).status == 204
    assert world.published.types[-1] == "command.refused"


def test_large_data_does_not_fill_the_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a hundred transactions with data of 127 KB, which wait for an approval and so cost nothing, listed in
    several requests at once."""
    wallet, notes = world.wallet(), {"batch": "7"}
    sent = [world.send(wallet, TARGET, 1, data="0x" + "00" * 100, metadata=notes)["id"] for _ in range(4)]
    monkeypatch.setattr(list_transactions, "MAX_DATA", 250)
    reads, read = 0, Session.read_all

    def counted(session: Session, queries: Iterable[Query[Any]]) -> list[Any]:
        nonlocal reads
        wanted = list(queries)
        reads += sum(query.table is TRANSACTIONS and query.read.index is None for query in wanted)
        return read(session, wanted)

    monkeypatch.setattr(Session, "read_all", counted)
    for query in ("", "&status=queued", f"&wallet_id={wallet.id}", "&metadata=batch:7"):
        found, cursor, sizes, reads = [], "", [], 0
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = world.app.ok(200, "GET", f"/transactions?limit=4{query}{more}", user=wallet.user_id)
            found += [one["id"] for one in page["items"]]
            sizes.append(len(page["items"]))
            cursor = page["next_cursor"]
        assert found == sent[::-1] and max(sizes) == 2
        assert reads == len(sizes), "each page is read once"


def test_lists_are_filtered_and_paged(world: World) -> None:
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number)["id"] for number in range(5)]
    world.settle()
    queued = world.send(wallet, TARGET)["id"]
    page = world.app.ok(200, "GET", "/transactions?limit=4", user=wallet.user_id)
    rest = world.app.ok(
        200, "GET", f"/transactions?limit=4&cursor={page['next_cursor']}", user=wallet.user_id
    )
    assert [one["id"] for one in page["items"] + rest["items"]] == [queued, *reversed(sent)]
    assert rest["next_cursor"] is None
    for query, wanted in [
        ("status=queued", [queued]),
        ("status=confirmed&chain=local", list(reversed(sent))),
        (f"wallet_id={wallet.id}&status=reverted", []),
        ("chain=ethereum", []),
    ]:
        found = world.app.ok(200, "GET", f"/transactions?{query}", user=wallet.user_id)
        assert [one["id"] for one in found["items"]] == wanted, query


def test_what_can_be_asked_before_sending(world: World) -> None:
    wallet = world.wallet()
    call = {"to": TARGET, "value": "5"}
    assert world.app.ok(200, "POST", "/transactions/estimate-gas", call, user=wallet.user_id) == {
        "gas": 21_000
    }
    tried = world.app.ok(200, "POST", "/transactions/simulate", call, user=wallet.user_id)
    assert tried["success"] and tried["revert_reason"] is None
    failing = world.app.ok(
        200, "POST", "/transactions/simulate", {"to": None, "data": FAILS}, user=wallet.user_id
    )
    assert not failing["success"] and failing["revert_reason"]
    price = world.app.ok(200, "GET", "/transactions/gas-price?chain=local", user=wallet.user_id)
    assert int(price["fast"]["max_fee_per_gas"]) >= int(price["slow"]["max_fee_per_gas"]) > 0
    unknown = world.app.call("GET", "/transactions/gas-price?chain=nowhere", user=wallet.user_id)
    assert (unknown.status, unknown.code) == (422, "UNKNOWN_CHAIN")


def test_found_by_hash_and_with_its_receipt(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    assert world.app.call("GET", f"/transactions/{sent}/receipt", user=wallet.user_id).status == 404
    world.settle()
    done = world.get(wallet, sent)
    found = world.app.ok(200, "GET", f"/transactions/by-hash/local/{done['hash']}", user=wallet.user_id)
    assert found["id"] == sent
    receipt = world.app.ok(200, "GET", f"/transactions/{sent}/receipt", user=wallet.user_id)
    assert receipt["success"] and receipt["block_hash"] == done["block_hash"] and receipt["logs"] == []
    unknown = world.app.call("GET", f"/transactions/by-hash/local/0x{'ab' * 32}", user=wallet.user_id)
    assert unknown.status == 404


def test_a_deadline_ends_what_is_still_queued(world: World) -> None:
    wallet = world.wallet()
    soon = (resources.clock().now() + timedelta(minutes=1)).isoformat()
    sent = world.send(wallet, Account.create().address, deadline=soon)["id"]
    world.later(61)
    world.tick()
    row = world.row(sent)
    assert (row.state, row.nonce, row.error, row.finalized) == ("expired", None, "DEADLINE_PASSED", True)
    assert not world.rows(LANES)
    (funds,) = world.rows(FUNDS)
    assert (funds.committed, funds.in_flight) == (0, 0)
