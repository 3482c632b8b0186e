"""Findings that cannot be written: smaller commits only where these can help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.engine import confirmation
from shared.store.port import (
    AlreadyExists,
    ConstraintViolation,
    Contention,
    StoreError,
    Unavailable,
    UnknownOutcome,
    Write,
)
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_backlogs import confirmed_rows, unfinished

ROWS = 2 * confirmation.CHUNK


@pytest.fixture
def final(history: StepwiseHistory) -> StepwiseHistory:
    """Two full commits of transactions that become final together."""
    confirmed_rows(history, ROWS)
    history.mine()
    return history


def refuse(
    history: StepwiseHistory, patch: pytest.MonkeyPatch, refused: Callable[[list[Any]], Exception | None]
) -> list[int]:
    """Let commits of transactions fail as `refused` says of their ids; returns how many rows each commit held."""
    sizes: list[int] = []
    real = history.database._commit

    def commit(writes: Sequence[Write]) -> Any:
        ids = [
            dict(zip(one.columns, one.values, strict=True))["transaction_id"]
            for one in writes
            if _changes(one)
        ]
        if ids:
            sizes.append(len(ids))
            error = refused(ids)
            if error is not None:
                raise error
        return real(writes)

    patch.setattr(history.database, "_commit", commit)
    return sizes


def _changes(write: Write) -> bool:
    return write.table == "transactions" and write.kind != "delete"


@pytest.mark.parametrize("error", [Unavailable, UnknownOutcome])
def test_an_unavailable_store_ends_the_visit_at_once(
    final: StepwiseHistory, monkeypatch: pytest.MonkeyPatch, error: type[StoreError]
) -> None:
    with monkeypatch.context() as patch:
        sizes = refuse(final, patch, lambda ids: error("injected"))
        final.attempt(final.tick)
    assert sizes == [confirmation.CHUNK] * (3 if error is UnknownOutcome else 1), (
        "`commit` asks for lost answers"
    )
    final.tick_through(2)
    assert unfinished(final) == 0, "the next passes wrote them"


def test_rows_that_others_change_are_left_to_the_next_pass(
    final: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        sizes = refuse(final, patch, lambda ids: Contention("injected") if "txn_00001" in ids else None)
        final.attempt(final.tick)
    assert sizes == [confirmation.CHUNK] * 2
    assert unfinished(final) == confirmation.CHUNK
    final.tick_through(2)
    assert unfinished(final) == 0


def test_a_commit_that_is_too_large_is_written_in_halves(
    final: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = confirmation.CHUNK // 4
    sizes = refuse(
        final, monkeypatch, lambda ids: ValueError("too many mutations") if len(ids) > most else None
    )
    final.attempt(final.tick)
    assert unfinished(final) == 0
    assert sizes.count(most) == 2 * 4


@pytest.mark.parametrize("error", [ValueError, AlreadyExists, ConstraintViolation])
def test_a_faulty_row_keeps_back_no_others(
    final: StepwiseHistory, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Also one that meets an existing row: it would do so in each pass."""
    refuse(final, monkeypatch, lambda ids: error("a defect") if "txn_00007" in ids else None)
    final.attempt(final.tick)
    assert unfinished(final) == 1
