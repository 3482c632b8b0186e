"""One test suite, three stores: the Spanner emulator, the embedded store and the model behave alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.contracts.follows import new_follow
from shared.domain.users import User
from shared.domain.wallets.wallets import Wallet
from shared.runtime import operation
from shared.store.port import COMMIT_TIMESTAMP, AlreadyExists, Database, StoreTransaction, Write
from shared.store.session import Session
from shared.store.table import INDEXES, TABLES
from shared.store.tables.contract_events import FOLLOWS, FOLLOWS_FILLING
from shared.store.tables.system import OUTBOX, OutboxRow
from shared.store.tables.users import USERS, USERS_BY_EMAIL
from shared.store.tables.wallets import WALLETS, WALLETS_BY_OWNER
from tests.model.generated import GENERATED
from tests.model.store import Faults, MemoryDatabase

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(
    params=[
        pytest.param("spanner", marks=pytest.mark.emulators),
        "embedded",
        "model",
        "model with aborts",
    ]
)
def store(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param in ("spanner", "embedded"):
        yield request.getfixturevalue(request.param)
    else:
        yield MemoryDatabase(Faults(abort=0.5 if "aborts" in request.param else 0.0))


def user(identity: str, email: str | None) -> User:
    values: dict[str, Any] = dict.fromkeys(USERS.names)
    values |= {"id": identity, "email": email, "roles": ("user",), "tier": "basic", "disabled": False}
    values |= {"version": 1, "created_at": START, "updated_at": START}
    for name in USERS.names:
        if values[name] is None and name.endswith("verified"):
            values[name] = False
    return User(**values)


def wallet(number: int, owner: str = "usr_a", *, minutes: int = 0) -> Wallet:
    made = START + timedelta(minutes=minutes)
    values: dict[str, Any] = dict.fromkeys(WALLETS.names)
    values |= {"id": f"wal_{number}", "user_id": owner, "name": "w", "chain": "local", "type": "hd"}
    values |= {"address": f"0x{number}", "key_id": "key_1", "status": "active", "version": 1}
    values |= {"created_at": made, "updated_at": made}
    return Wallet(**values)


def insert(table: Any, *rows: Any) -> list[Write]:
    return [table.write("insert", row) for row in rows]


def test_rows_come_back_as_they_went(store: Database) -> None:
    rows = [user("usr_1", "a@x"), user("usr_2", None)]
    store.write(insert(USERS, *rows))
    session = Session(store.snapshot())
    assert session.many(USERS.get_many([("usr_2",), ("usr_1",), ("usr_3",)])) == rows
    assert session.maybe(USERS.find("usr_3")) is None


def test_an_insert_of_an_existing_row_writes_nothing(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x")))
    with pytest.raises(AlreadyExists):
        store.write(insert(USERS, user("usr_2", "b@x"), user("usr_1", "c@x")))
    assert Session(store.snapshot()).maybe(USERS.find("usr_2")) is None


def test_a_unique_index_holds_and_ignores_nulls(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x"), user("usr_2", None), user("usr_3", None)))
    with pytest.raises(AlreadyExists):
        store.write(insert(USERS, user("usr_4", "a@x")))
    found = Session(store.snapshot()).many(USERS_BY_EMAIL.scan("a@x", limit=2))
    assert [entry["id"] for entry in found] == ["usr_1"]


def test_what_a_commit_frees_its_next_row_may_take(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x")))

    def swap(transaction: StoreTransaction) -> None:
        before = Session(transaction).one(USERS.get("usr_1"))
        freed = USERS.write("update", replace(before, email=None))
        transaction.buffer([freed, *insert(USERS, user("usr_2", "a@x"))])

    store.transact(swap)
    found = Session(store.snapshot()).many(USERS_BY_EMAIL.scan("a@x"))
    assert [entry["id"] for entry in found] == ["usr_2"]


def test_a_commit_that_fails_at_its_last_row_leaves_no_trace(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x"), user("usr_2", "b@x")))

    def body(transaction: StoreTransaction) -> None:
        before = Session(transaction).one(USERS.get("usr_1"))
        moved = USERS.write("update", replace(before, email="c@x"))
        transaction.buffer([moved, *insert(USERS, user("usr_3", "b@x"))])

    with pytest.raises(AlreadyExists):
        store.transact(body)
    session = Session(store.snapshot())
    assert session.one(USERS.get("usr_1")).email == "a@x"
    assert [len(session.many(USERS_BY_EMAIL.scan(email))) for email in ("a@x", "b@x", "c@x")] == [1, 1, 0]


def test_a_body_reads_the_state_before_its_own_writes(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x")))

    def body(transaction: StoreTransaction) -> int:
        before = Session(transaction).one(USERS.get("usr_1"))
        transaction.buffer([USERS.write("update", replace(before, version=before.version + 1))])
        return before.version

    assert [store.transact(body)[0] for _ in range(3)] == [1, 2, 3]
    assert Session(store.snapshot()).one(USERS.get("usr_1")).version == 4


def test_a_refused_body_leaves_nothing(store: Database) -> None:
    store.write(insert(USERS, user("usr_1", "a@x")))

    def body(transaction: StoreTransaction) -> None:
        Session(transaction).one(USERS.get("usr_1"))
        transaction.buffer(insert(USERS, user("usr_2", None)))
        raise LookupError

    with pytest.raises(LookupError):
        store.transact(body)
    assert Session(store.snapshot()).maybe(USERS.find("usr_2")) is None
    store.write(insert(USERS, user("usr_2", None)))  # and no lock remains


def test_a_descending_index_pages_by_its_key(store: Database) -> None:
    rows = [wallet(n, minutes=n // 2) for n in range(7)] + [wallet(9, "usr_b")]
    store.write(insert(WALLETS, *rows))
    session = Session(store.snapshot())
    expected = sorted(rows[:7], key=lambda row: (-row.created_at.timestamp(), row.id))
    seen: list[str] = []
    after = None
    while entries := session.many(WALLETS_BY_OWNER.scan("usr_a", after=after, limit=3)):
        seen += [entry["id"] for entry in entries]
        after = (entries[-1]["created_at"], entries[-1]["id"])
    assert seen == [row.id for row in expected]
    assert [row.id for row in session.follow(WALLETS, session.many(WALLETS_BY_OWNER.scan("usr_b")))] == [
        "wal_9"
    ]
    assert [session.one(WALLETS_BY_OWNER.counted("usr_a", limit=most)) for most in (1, 6, 9)] == [1, 6, 7]


def test_an_index_is_read_without_some_of_its_values(store: Database) -> None:
    for number, user_id in enumerate("abcde"):
        for at in (1, 2):
            made = new_follow(
                contract_id=f"ctr_{at}{number}", user_id=user_id, chain="x", address="0x", from_block=0,
                confirmations=1, announced=False, now=START,
            )  # fmt: skip
            store.write(insert(FOLLOWS, replace(made, work="fill")))
    session = Session(store.snapshot())

    def users(skipped: list[str], after: str, limit: int = 9) -> str:
        query = FOLLOWS_FILLING.without(("x", "fill"), skipped, after=after, limit=limit)
        return "".join(entry["user_id"] for entry in session.one(query))

    assert users([], "") == "aabbccdde", "the limit holds for all ranges together"
    assert users([], "a", 10) == "bbccddee"
    assert users(["b", "d"], "a") == users(["b", "bb", "d"], "a") == "ccee"
    assert users(["b", "d"], "a", 3) == "cce" and users(["a", "e"], "") == "bbccdd"
    assert users([], "e") == users(["c", "d", "e"], "b") == ""


def test_commit_timestamps_grow_and_bound_a_scan(store: Database) -> None:
    times = [
        store.write(insert(OUTBOX, OutboxRow(3, COMMIT_TIMESTAMP, 0, f"evt_{n}", "t", {"n": n}, 0)))
        for n in range(3)
    ]
    assert times == sorted(set(times))
    session = Session(store.snapshot())
    assert [row.id for row in session.many(OUTBOX.scan(3, after=(times[0],), upto=(times[2],)))] == [
        "evt_1",
        "evt_2",
    ]
    assert [row.committed_at for row in session.many(OUTBOX.scan(3, limit=2))] == times[:2]
    assert session.many(OUTBOX.scan(4)) == []


def test_deletes_are_idempotent_and_upserts_replace(store: Database) -> None:
    one = wallet(1)
    for _ in range(2):
        store.write([WALLETS.write("upsert", one)])
    store.write([WALLETS.write("upsert", replace(one, name="other"))])
    assert Session(store.snapshot()).one(WALLETS.get("wal_1")).name == "other"
    for _ in range(2):
        store.write([Write("delete", "wallets", ("id",), ("wal_1",))])
    session = Session(store.snapshot())
    assert (session.maybe(WALLETS.find("wal_1")), session.many(WALLETS_BY_OWNER.scan("usr_a"))) == (None, [])


def test_the_model_knows_every_column_that_an_index_needs() -> None:
    """If only the migrations knew a generated column, the model would miss an index."""
    operation.catalog()  # imports every table and index
    for index in INDEXES.values():
        known = {*index.table.columns, *GENERATED.get(index.table.name, {})}
        assert known >= {*index.key, *index.stored}, index.name


def test_every_index_and_table_is_in_the_schema(spanner: Database) -> None:
    operation.catalog()
    with spanner.handle.snapshot(multi_use=True) as snapshot:  # type: ignore[attr-defined]
        sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ''"
        columns = {tuple(row) for row in snapshot.execute_sql(sql)}
        sql = "SELECT index_name, column_name FROM information_schema.index_columns WHERE table_schema = ''"
        indexed = {tuple(row) for row in snapshot.execute_sql(sql)}
    assert {(table.name, column) for table in TABLES.values() for column in table.columns} <= columns
    wanted = {
        (index.name, column)
        for index in INDEXES.values()
        for column in (*index.key, *index.stored)
        if column not in index.table.key_columns  # every index contains the primary key
    }
    assert wanted <= indexed
