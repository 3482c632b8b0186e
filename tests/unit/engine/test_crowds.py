"""The same for several wallets at once: 0 double, 0 lost, 0 stuck, and books that end at zero."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from tests.support.proof import size
from tests.unit.engine.crowds import Crowd
from tests.unit.engine.histories import world

SEEDS = size("CROWDS", 200)
FIRST = size("FIRST_SEED", 0)
EVENTS = {
    "confirmed", "reverted", "cancelled", "rejected", "expired", "approved", "topped up", "filled",
    "APPROVAL_EXPIRED", "APPROVAL_DECLINED", "DEADLINE_PASSED", "FOREIGN_NONCE", "ahead", "reorganised 3",
}  # fmt: skip
MET: Counter[str] = Counter()  # by the crowds below


@pytest.mark.parametrize("block", range(4))
def test_random_crowds(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    for seed in range(FIRST + block, FIRST + SEEDS, 4):
        crowd = Crowd(seed)
        with monkeypatch.context() as patch, world(crowd, patch):
            crowd.stage(patch)
            crowd.run()
            MET.update(crowd.met())


@pytest.mark.skipif(SEEDS < 200, reason="fewer crowds do not meet everything")
def test_everything_happened_to_them() -> None:
    assert MET, "this runs after the crowds, in their process"
    assert not EVENTS - (+MET).keys()
