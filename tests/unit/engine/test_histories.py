"""0 double, 0 lost, 0 stuck, whatever a node says and wherever the process dies."""

from __future__ import annotations

import logging
import time

import pytest

pytest.importorskip("tests.model.store")

from tests.support.proof import figure, size
from tests.unit.engine.histories import History, world

SEEDS = size("SEEDS", 1000)
FIRST = size("FIRST_SEED", 0)


@pytest.mark.parametrize("block", range(8))
def test_random_histories(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    began = time.monotonic()
    seeds = range(FIRST + block, FIRST + SEEDS, 8)
    for seed in seeds:
        history = History(seed)
        with monkeypatch.context() as patch, world(history, patch):
            history.run()
    figure(
        "histories",
        "model",
        f"{len(seeds)} of the engine, each its own seed, {time.monotonic() - began:.1f} s",
    )
