"""A stage on which nothing happens by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.unit.engine.calm import Calm
from tests.unit.engine.histories import world


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calm]:
    """A wallet whose first transaction from here is final; its lane is known."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    history = Calm(1)
    with monkeypatch.context() as patch, world(history, patch):
        history.owner = history.wallet()
        history.mine()
        history.attempt(history.accept)
        history.tick_through(10)
        assert history.row(0).finalized
        yield history
