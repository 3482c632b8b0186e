"""Batches of a lane in flight: each is sent after its own commit, in order, while the next ones are prepared."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.engine import broadcast
from shared.engine.broadcast import BroadcastQueue

WAIT_SECONDS = 10.0  # seconds; only a faulty test waits this long


class Lost(Exception):
    """A commit that lost to another process."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bytes that nodes received; their answers are not recorded."""
    batches: list[Any] = []

    def sending(client: Any, stored: Any) -> list[Any]:
        batches.append(stored)
        return []

    monkeypatch.setattr(broadcast, "broadcast", sending)
    return batches


def test_nothing_is_sent_before_it_is_stored_and_the_next_one_is_prepared_meanwhile(sent: list[Any]) -> None:
    prepared, seen = threading.Event(), []

    def slow() -> list[Any]:
        assert prepared.wait(WAIT_SECONDS), "the next batch waits for this one"
        seen.append(list(sent))
        return ["first"]

    with BroadcastQueue() as outgoing:
        outgoing.store(None, slow)
        prepared.set()
        outgoing.store(None, lambda: ["second"])
        outgoing.settle()
    assert seen == [[]] and sent == [["first"], ["second"]]


def test_what_follows_a_batch_that_was_not_stored_is_neither_stored_nor_sent(sent: list[Any]) -> None:
    stored = []

    def lost() -> list[Any]:
        raise Lost

    def late() -> list[Any]:
        stored.append("late")
        return ["late"]

    with BroadcastQueue() as outgoing:
        outgoing.store(None, lambda: ["first"])
        outgoing.store(None, lost)
        with pytest.raises(Lost):
            outgoing.store(None, late)
        outgoing.settle()
        outgoing.store(None, lambda: ["again"])
    assert not stored and sent == [["first"], ["again"]]


def test_a_failure_to_send_is_raised_at_the_end_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def failing(client: Any, batch: Any) -> list[Any]:
        tried.append(batch)
        raise Lost

    monkeypatch.setattr(broadcast, "broadcast", failing)
    with pytest.raises(Lost), BroadcastQueue() as outgoing:
        outgoing.store(None, lambda: ["first"])
        outgoing.store(None, lambda: ["second"])
    assert tried == [["first"], ["second"]]
