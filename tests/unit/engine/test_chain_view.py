"""What a pass asks nodes for: of a block, the transactions that it looks at now."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain import evidence
from shared.engine.chain_view import MAX_TOGETHER, ChainView
from tests.unit.engine.stepwise import StepwiseHistory


def test_each_slice_of_a_block_asks_for_its_own_transactions(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the last slice of a block with thousands of ours would ask for all of them."""
    hashes = [f"0x{number:064x}" for number in range(1_000)]
    slices = [hashes[start : start + 100] for start in range(0, 1_000, 100)]
    asked: list[int] = []

    def receipts(client: Any, number: int, head: int, wanted: Any) -> tuple[Any, ...]:
        asked.append(len(wanted))
        return ()

    monkeypatch.setattr(evidence, "receipts_of_block", receipts)
    view = ChainView(history.client)
    for part in slices:
        view.know(part)
        view.know(part[:50])  # a part of them
        view.proven_receipts(1)
        view.proven_receipts(1)
    assert asked == [100, 200, *[100, 200] * 4]
    assert max(asked) < MAX_TOGETHER + 100
