"""The index over a model of the chain: whatever nodes answer, wherever the process dies and blocks disappear, the
stored rows finally equal a fresh index of the chain, and everything is announced once."""

from __future__ import annotations

import logging
import time
from collections import Counter

import pytest

pytest.importorskip("tests.model.store")

from tests.support.proof import figure, size
from tests.unit.contracts.index_histories import IndexHistory

HISTORIES = size("INDEX_HISTORIES", 100)
FIRST = size("FIRST_SEED", 0)
FAULTS = {
    *("error", "lag", "former", "refused", "lied", "killed", "resumed"),
    *("unfollowed", "children", "child deleted", "child unfollowed"),
    *(f"reorganised {depth}" for depth in (1, 2, 3, 5)),
}
TOLD: Counter[str] = Counter()


@pytest.mark.parametrize("block", range(4))
def test_random_histories_of_the_index(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    began = time.monotonic()
    seeds = range(FIRST + block, FIRST + HISTORIES, 4)
    for seed in seeds:
        history = IndexHistory(seed)
        with monkeypatch.context() as patch, history.stage(patch):
            history.run()
        TOLD.update(history.told)
    figure("histories", "model", f"{len(seeds)} of the index, {time.monotonic() - began:.1f} s")


@pytest.mark.skipif(HISTORIES < 100, reason="fewer histories do not meet everything")
def test_every_fault_happened_to_them() -> None:
    assert TOLD, "this runs after the histories, in their process"
    assert not FAULTS - TOLD.keys()
