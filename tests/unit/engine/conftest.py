"""A stage on which nothing happens by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.unit.engine.histories import world
from tests.unit.engine.stepwise import StepwiseHistory


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> Iterator[StepwiseHistory]:
    """A wallet whose first transaction from here is final; its lane is known."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    history = StepwiseHistory(1)
    with monkeypatch.context() as patch, world(history, patch):
        history.owner = history.wallet()
        history.mine()
        history.attempt(history.accept)
        history.tick_through(10)
        assert history.row(0).finalized
        yield history
