"""Unread columns never pass as empty: such a row is neither signed, sent, shown nor written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shared.chain.broadcast import send_many
from shared.domain.errors import InvalidValue
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import Intent
from shared.engine.signer import fields
from shared.keys.accounts import sign_transaction
from shared.store.partial_rows import UNREAD
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS, glances
from tests.model.store import MemoryDatabase

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INTENT = Intent(
    "wal_1", "usr_1", "local", "0x" + "a1" * 20, "0x" + "b2" * 20, value=1, data=b"\x01" * 9, gas=50_000
)
ROW = acceptance.accept(INTENT, "txn_1", "usr_1", "k", NOW, committed_value=1, committed_gas=10**17)


@pytest.fixture
def glance() -> Any:
    database = MemoryDatabase()
    database.write([TRANSACTIONS.write("insert", ROW)])
    (found,) = Session(database).one(glances(["txn_1", "txn_2"]))
    return found


def test_all_other_columns_are_read(glance: Any) -> None:
    assert glance.data is UNREAD and glance.access_list is UNREAD
    assert replace(glance, data=ROW.data, access_list=ROW.access_list) == ROW


def test_an_unread_column_is_not_signed(glance: Any) -> None:
    plan: Any = SimpleNamespace(
        gas=30_000,
        kind="payload",
        fees=SimpleNamespace(kind="dynamic", max_fee_per_gas=2, max_priority_fee_per_gas=1),
    )
    spec: Any = SimpleNamespace(chain_id=31337)
    assert sign_transaction(fields(spec, ROW, plan, 0), b"\x01" * 32)
    with pytest.raises(TypeError):
        fields(spec, glance, plan, 0)
    with pytest.raises(InvalidValue):
        sign_transaction(fields(spec, replace(glance, access_list=None), plan, 0), b"\x01" * 32)


def test_an_unread_column_is_not_broadcast() -> None:
    pool: Any = SimpleNamespace(broadcast=lambda ask: [ask(SimpleNamespace(call=lambda *call: "0x"))])
    assert send_many(pool, [b"\x01"])
    with pytest.raises(AttributeError):
        send_many(pool, [UNREAD])


def test_a_change_of_such_a_row_leaves_what_was_not_read(glance: Any) -> None:
    update = TRANSACTIONS.update(glance, replace(glance, version=2))
    assert "data" not in update.columns and "access_list" not in update.columns
