"""A refusal writes nothing, even in a second run after a commit with a lost answer (I4 of mutations)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import InvalidState
from shared.domain.transactions.lanes import Lane
from shared.engine import confirmation
from shared.store.port import UnknownOutcome
from shared.store.session import Session
from shared.store.tables.transactions import LANES
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit
from tests.unit.engine.stepwise import StepwiseHistory


def lose_the_next_answer(history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next commit takes effect, and its answer is lost."""
    real, lost = history.database._commit, []

    def answer_lost(writes: Any) -> Any:
        committed = real(writes)
        if not lost:
            lost.append(True)
            raise UnknownOutcome("the commit's answer was lost")
        return committed

    monkeypatch.setattr(history.database, "_commit", answer_lost)


def raise_once(unit: UnitOfWork, lane_id: str, limit: int) -> int:
    """Writes first, and then finds that it may not: a second run after the first one's success does this."""
    lane = unit.one(LANES.get(lane_id))
    unit.write(replace(lane, next_nonce=lane.next_nonce + 1, version=lane.version + 1))
    if lane.next_nonce >= limit:
        raise InvalidState(status="full")
    return lane.next_nonce + 1


def test_a_refused_second_run_commits_nothing(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_of(history)
    answers: list[int] = []
    lose_the_next_answer(history, monkeypatch)
    history.attempt(lambda: answers.append(commit(raise_once, lane.id, lane.next_nonce + 1)))
    assert answers == [lane.next_nonce + 1], "the first run's answer"
    assert lane_of(history).next_nonce == lane.next_nonce + 1
    assert lane_of(history).version == lane.version + 1


def test_a_finding_that_does_not_hold_writes_nothing(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row was buffered when its consequence was refused; the others of its commit are written."""
    for _ in range(3):
        history.attempt(history.accept)
    history.attempt(history.hint)
    refused = history.row(2)
    real = confirmation._apply

    def apply(unit: Any, batch: Any, row: Any, one: Any, block_seconds: float) -> None:
        real(unit, batch, row, one, block_seconds)
        if row.id == refused.id:
            raise InvalidState(status="elsewhere")

    logging.disable(logging.CRITICAL)
    monkeypatch.setattr(confirmation, "_apply", apply)
    history.tick_through(2)
    assert history.row(2) == refused
    assert {history.row(number).state for number in (1, 3)} <= {"mined", "confirmed"}


def lane_of(history: StepwiseHistory) -> Lane:
    return Session(history.database.snapshot()).one(LANES.get(history.row(0).lane_id))
