"""0 double, 0 lost, 0 stuck, whatever a node answers and wherever the process dies."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

pytest.importorskip("tests.model.store")

from tests.support.proof import figure, size
from tests.unit.engine.histories import History, world

SEEDS = size("SEEDS", 150)
FIRST = size("FIRST_SEED", 0)
RARE = (153, 484)  # these find faults that the first 150 do not; SEEDS=500 finds others
LIES = {
    "HTTP 429", "HTTP 502", "time-out", "garbage", "accepted, answered an error", "swallowed", "delayed",
    "forgotten", "lagged", "hid a receipt", "a foreign sender", "nonce too low", "nonce too high",
    "reorganised 1", "reorganised 2", "reorganised 3",  # two blocks deep is confirmed: three undo it
    "replacement transaction underpriced as geth", "replacement transaction underpriced as reth",
    "account limit exceeded 2", "account limit exceeded 16", "account limit exceeded 64",
    "max fee per gas less than block base fee", "insufficient funds for gas * price + value",
    "synchronised", "invented a receipt", "logs without measure", "the owner's own",
    "used before", "hung", "of another chain", "said the opposite", "killed",
}  # fmt: skip


TOLD: Counter[str] = Counter()  # by the histories below
BLOCKS = max(4, SEEDS // 250)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_histories(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    seeds = sorted({*range(FIRST, FIRST + SEEDS), *(RARE if not FIRST else ())})
    for seed in seeds[block::BLOCKS]:
        history = History(seed)
        with monkeypatch.context() as patch, world(history, patch):
            history.run()
        TOLD.update(history.node.told)
        TOLD.update(histories=1, transactions=len(history.accepted))


@pytest.mark.skipif(SEEDS < 150, reason="fewer histories do not meet everything")
def test_every_lie_was_told_to_them() -> None:
    assert TOLD, "this runs after the histories, in their process"
    assert not (missing := LIES - (+TOLD).keys()), missing
    told = f"{TOLD.pop('histories'):,} of one wallet, {TOLD.pop('transactions'):,} transactions"
    figure(
        "histories",
        "model",
        f"{told}, {TOLD.pop('killed'):,} deaths, {TOLD.total():,} lies: 0 double, 0 lost, 0 stuck",
    )
