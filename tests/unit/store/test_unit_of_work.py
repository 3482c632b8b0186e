"""A unit of work reads its own writes, and those of the previous unit in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared.domain.desk.funds import Funds, add, empty
from shared.runtime.clock import IdSource
from shared.runtime.context import Context
from shared.store.port import Read, Row, Write
from shared.store.spanner.codec import grouped
from shared.store.tables.supplies import FUNDS
from shared.store.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Rows:
    """A transaction over fixed rows."""

    def __init__(self, *rows: Funds) -> None:
        self.rows = [FUNDS.encode(row) for row in rows]
        self.buffered: list[Write] = []
        self.asked = 0

    def read(self, *reads: Read) -> list[list[Row]]:
        self.asked += len(reads)
        return [[row for row in self.rows if not read.keys or self.key(row) in read.keys] for read in reads]

    def buffer(self, writes: Sequence[Write]) -> None:
        self.buffered += writes

    def key(self, row: Row) -> tuple[str, str, str]:
        return (row["address"], row["chain"], row["token_address"])


class Unit(UnitOfWork):
    """A unit of work that exposes its transaction."""

    def __init__(self, rows: Rows, request_id: str, before: UnitOfWork | None = None) -> None:
        super().__init__(rows, Context("test", request_id, 0.0), NOW, IdSource(), before)
        self.rows = rows


def unit_over(*rows: Funds) -> Unit:
    return Unit(Rows(*rows), "req_1")


def test_a_written_row_is_read_as_written() -> None:
    stored = empty("local", "0xA", None, NOW)
    unit = unit_over(stored)
    first = unit.one(FUNDS.get("0xA", "local", ""))
    unit.write(add(first, NOW, committed=5))
    again = unit.one(FUNDS.get("0xA", "local", ""))
    assert again.committed == 5
    unit.write(add(again, NOW, committed=2))
    assert unit.one(FUNDS.get("0xA", "local", "")).committed == 7
    assert [row.committed for row in unit.many(FUNDS.scan("0xA"))] == [7]


def test_an_inserted_row_is_read_and_stays_one_insert() -> None:
    unit = unit_over()
    assert unit.maybe(FUNDS.find("0xA", "local", "")) is None
    unit.write(empty("local", "0xA", None, NOW))
    found = unit.maybe(FUNDS.find("0xA", "local", ""))
    assert found is not None
    unit.write(add(found, NOW, committed=1))
    unit.seal()
    unit.flush()
    kinds = [m.kind for m in unit.rows.buffered if m.table == "funds"]
    assert kinds == ["insert"]


def test_a_deleted_row_is_gone() -> None:
    unit = unit_over(empty("local", "0xA", None, NOW))
    unit.delete(unit.one(FUNDS.get("0xA", "local", "")))
    assert unit.maybe(FUNDS.find("0xA", "local", "")) is None


def test_an_update_carries_what_differs_from_the_stored_row() -> None:
    unit = unit_over(empty("local", "0xA", None, NOW))
    first = unit.one(FUNDS.get("0xA", "local", ""))
    unit.write(add(first, NOW, committed=5))
    unit.write(add(unit.one(FUNDS.get("0xA", "local", "")), NOW, in_flight=2))
    unit.seal()
    unit.flush()
    (update,) = [m for m in unit.rows.buffered if m.table == "funds"]
    given = dict(zip(update.columns, update.values, strict=True))
    assert update.kind == "update"
    assert given == {
        "address": "0xA", "chain": "local", "token_address": "", "committed": "5", "in_flight": "2", "version": 3,
    }  # fmt: skip


def test_rows_of_one_shape_travel_together_without_overtaking_their_parents() -> None:
    def write(kind: Any, table: str, row: str, columns: tuple[str, ...] = ("id",)) -> Write:
        return Write(kind, table, columns, (row,))

    shapes = [
        (shape[0], shape[1], [row[0] for row in rows])
        for shape, rows in grouped(
            [
                write("update", "transactions", "a"),
                write("insert", "events", "1"),
                write("update", "transactions", "b"),
                write("insert", "events", "2"),
                write("insert", "order_items", "old"),
                write("insert", "orders", "new"),
                write("insert", "order_items", "child"),
                write("update", "transactions", "c"),
                write("delete", "claims", "x"),
                write("update", "claims", "y"),
            ]
        )
    ]
    assert shapes == [
        ("update", "transactions", ["a", "b"]),
        ("insert", "events", ["1", "2"]),
        ("insert", "order_items", ["old"]),
        ("insert", "orders", ["new"]),
        ("insert", "order_items", ["child"]),
        ("update", "transactions", ["c"]),
        ("delete", "claims", ["x"]),
        ("update", "claims", ["y"]),
    ]


def test_a_row_is_asked_for_once() -> None:
    unit = unit_over(empty("local", "0xA", None, NOW))
    rows = unit.rows
    for _ in range(2):
        assert unit.one(FUNDS.get("0xA", "local", "")).committed == 0
        assert unit.maybe(FUNDS.find("0xB", "local", "")) is None
    assert rows.asked == 2
    assert len(unit.many(FUNDS.get_many([("0xA", "local", ""), ("0xC", "local", "")]))) == 1
    assert rows.asked == 3
    unit.delete(unit.one(FUNDS.get("0xA", "local", "")))
    assert unit.maybe(FUNDS.find("0xA", "local", "")) is None
    assert rows.asked == 3


def behind(before: Unit) -> Unit:
    return Unit(before.rows, "req_2", before)


def test_a_range_shows_rows_that_are_only_inserted_yet_in_order_and_to_its_limit() -> None:
    unit = unit_over(empty("local", "0xA", "0x5", NOW))
    unit.write(
        empty("local", "0xA", "0x9", NOW), empty("local", "0xA", None, NOW), empty("local", "0xB", None, NOW)
    )
    assert [row.token_address for row in unit.many(FUNDS.scan("0xA"))] == ["", "0x5", "0x9"]
    assert [row.token_address for row in unit.many(FUNDS.scan("0xA", limit=2))] == ["", "0x5"]


def test_a_unit_goes_on_from_the_one_before_it_and_leaves_that_as_it_is() -> None:
    first = unit_over(empty("local", "0xA", None, NOW))
    first.write(add(first.one(FUNDS.get("0xA", "local", "")), NOW, committed=5))
    second = behind(first)
    second.write(add(second.one(FUNDS.get("0xA", "local", "")), NOW, committed=2))
    assert second.one(FUNDS.get("0xA", "local", "")).committed == 7
    assert first.one(FUNDS.get("0xA", "local", "")).committed == 5
    third = behind(first)  # the second was refused
    third.write(add(third.one(FUNDS.get("0xA", "local", "")), NOW, committed=1))
    third.flush()
    (update,) = third.rows.buffered
    assert dict(zip(update.columns, update.values, strict=True))["committed"] == "6"
    assert third.rows.asked == 1


def test_whose_unit_follows_another_is_checked_though_it_asks_for_nothing() -> None:
    first = unit_over(empty("local", "0xA", None, NOW))
    seen: list[tuple[Any, ...]] = []
    first.check_along([FUNDS.find("0xA", "local", "")], lambda *rows: seen.append(rows))
    first.one(FUNDS.get("0xA", "local", ""))
    second = behind(first)
    second.check_along([FUNDS.find("0xA", "local", "")], lambda *rows: seen.append(rows))
    second.one(FUNDS.get("0xA", "local", ""))
    second.one(FUNDS.get("0xA", "local", ""))
    assert [row.address for (row,) in seen] == ["0xA", "0xA"]
    assert second.rows.asked == 1


def test_who_changes_nothing_behind_another_leaves_no_audit_row() -> None:
    first = unit_over()
    first.write(empty("local", "0xA", None, NOW))
    first.seal()
    second = behind(first)
    second.seal()
    second.flush()
    assert [m.table for m in second.rows.buffered] == ["funds", "audit"]
