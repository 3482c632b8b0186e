"""0 double, 0 lost, 0 stuck, whatever a node says and wherever the process dies."""

from __future__ import annotations

import logging
import os

import pytest

pytest.importorskip("tests.model.store")

from tests.unit.engine.histories import History, world

SEEDS = int(os.environ.get("SEEDS", "1000"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))


@pytest.mark.parametrize("block", range(8))
def test_random_histories(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    for seed in range(FIRST + block, FIRST + SEEDS, 8):
        history = History(seed)
        with monkeypatch.context() as patch, world(history, patch):
            history.run()
