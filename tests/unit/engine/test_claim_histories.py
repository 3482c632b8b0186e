"""Payouts over a node that lies: each allocation is paid at most once, and all books agree with the chain."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from shared.store.tables.claims import CLAIMS, PAYMENTS
from shared.store.tables.orders import ORDERS
from shared.store.tables.supplies import LEDGER
from tests.support.proof import figure, size
from tests.unit.engine.claim_histories import ClaimsHistory
from tests.unit.engine.histories import world

SEEDS = size("CLAIM_HISTORIES", 60)
FIRST = size("FIRST_SEED", 0)
RARE = (87, 158, 310)  # these find faults that the first 60 do not; CLAIM_HISTORIES=400 finds others
EVENTS = {
    "claim processed", "claim failed", "payment paid in round 1", "payment cancelled in round 1",
    "payment failed in round 1", "payment paid in round 2", "taken back",
    "claim released", "claim rejected", "order cancelled", "supply changed", "supply paused",
    "refused behind its own commit",
}  # fmt: skip
MET: Counter[str] = Counter()  # by the histories below
BLOCKS = max(5, SEEDS // 100)  # each ends in time on a busy machine, too


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_claim_histories(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    seeds = sorted({*range(FIRST, FIRST + SEEDS), *(RARE if not FIRST else ())})
    for seed in seeds[block::BLOCKS]:
        history = ClaimsHistory(seed)
        with monkeypatch.context() as patch, world(history, patch):
            history.stage(patch)
            history.run()
            MET.update(f"claim {one.status}" for one in history.all(CLAIMS))
            MET.update(f"order {one.status}" for one in history.all(ORDERS))
            MET.update(history.node.told)
            MET.update(histories=1, payments=len(history.all(PAYMENTS)))
            MET.update("taken back" for line in history.all(LEDGER) if line.verb == "adjust")
            MET.update(f"payment {one.status} in round {one.round}" for one in history.all(PAYMENTS))


@pytest.mark.skipif(SEEDS < 60, reason="fewer histories do not meet everything")
def test_everything_happened_to_them() -> None:
    assert MET, "this runs after the histories, in their process"
    assert not (missing := EVENTS - (+MET).keys()), missing
    text = f"{MET['histories']:,} of paid orders, {MET['payments']:,} payments, {MET['killed']:,} deaths"
    figure("deals", "model", f"{text}: each paid once or not at all, books agree with the chain")
