"""Payouts over a node that lies: each allocation paid at most once, and all books agree with the chain."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from shared.store.tables.claims import CLAIMS, PAYMENTS
from shared.store.tables.supplies import LEDGER
from tests.support.proof import size
from tests.unit.engine.deals import Deals
from tests.unit.engine.histories import world

SEEDS = size("DEALS", 200)
FIRST = size("FIRST_SEED", 0)
EVENTS = {
    "claim processed", "claim failed", "payment paid in round 1", "payment cancelled in round 1",
    "payment failed in round 1", "payment paid in round 2", "taken back",
}  # fmt: skip
MET: Counter[str] = Counter()  # by the deals below


@pytest.mark.parametrize("block", range(4))
def test_random_deals(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    for seed in range(FIRST + block, FIRST + SEEDS, 4):
        deals = Deals(seed)
        with monkeypatch.context() as patch, world(deals, patch):
            deals.stage(patch)
            deals.run()
            MET.update(f"claim {one.status}" for one in deals.all(CLAIMS))
            MET.update("taken back" for line in deals.all(LEDGER) if line.verb == "adjust")
            MET.update(f"payment {one.status} in round {one.round}" for one in deals.all(PAYMENTS))


@pytest.mark.skipif(SEEDS < 200, reason="fewer deals do not meet everything")
def test_everything_happened_to_them() -> None:
    assert MET, "this runs after the deals, in their process"
    assert not EVENTS - MET.keys()
