"""The same for several wallets at once: 0 double, 0 lost, 0 stuck, and books that end at zero."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from tests.support.proof import figure, size
from tests.unit.engine.histories import world
from tests.unit.engine.wallet_histories import WalletsHistory

SEEDS = size("WALLET_HISTORIES", 60)
FIRST = size("FIRST_SEED", 0)
RARE = (72,)  # has a nonce filled, which the first 60 do not
EVENTS = {
    "confirmed", "reverted", "cancelled", "rejected", "expired", "approved", "topped up", "filled",
    "APPROVAL_EXPIRED", "APPROVAL_DECLINED", "DEADLINE_PASSED", "FOREIGN_NONCE", "ahead", "reorganised 3",
    "finality stalled",
}  # fmt: skip
MET: Counter[str] = Counter()  # by the histories below
BLOCKS = max(5, SEEDS // 100)  # each ends in time on a busy machine, too


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_wallet_histories(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    seeds = sorted({*range(FIRST, FIRST + SEEDS), *(RARE if not FIRST else ())})
    for seed in seeds[block::BLOCKS]:
        history = WalletsHistory(seed)
        with monkeypatch.context() as patch, world(history, patch):
            history.stage(patch)
            history.run()
            MET.update(history.met())
            MET.update(histories=1, transactions=len(history.rows()))


@pytest.mark.skipif(SEEDS < 60, reason="fewer histories do not meet everything")
def test_everything_happened_to_them() -> None:
    assert MET, "this runs after the histories, in their process"
    assert not EVENTS - (+MET).keys()
    text = f"{MET['histories']:,} of several wallets, {MET['transactions']:,} transactions, {MET['killed']:,} deaths"
    figure("wallets", "model", f"{text}: 0 double, 0 lost, 0 stuck, books at zero")
