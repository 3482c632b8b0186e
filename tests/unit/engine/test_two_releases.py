"""Two releases at once: they do not know each other's leases, and compare-and-set decides their writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.engine import broadcast, confirmation, dispatch, nonce_sync, replacement, tick
from shared.store.tables.transactions import LANE_SHARDS
from tests.unit.engine.stepwise import StepwiseHistory

SCHEMA = Path(__file__).parents[3] / "schemas/spanner/0017_engine_buckets.sql"


def test_there_are_as_many_buckets_as_the_schema_has() -> None:
    """Another number needs another column, which the previous release does not read."""
    assert re.findall(r"FARM_FINGERPRINT\(lane_id\), (\d+)\)", SCHEMA.read_text()) == [str(LANE_SHARDS)]


def test_two_releases_with_buckets_of_their_own_do_the_same_work(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other release runs completely between this one's reads and its commit."""
    passes = [0]

    def with_the_other(real: Any) -> Any:
        def commit(*given: Any) -> Any:
            if not passes[0] % 2:
                passes[0] += 1
                with monkeypatch.context() as patch:
                    patch.setattr(tick, "bucket_lease", lambda chain, bucket: f"tick:{chain}:of-32:{bucket}")
                    tick.run_pass("local")
                passes[0] += 1
            return real(*given)

        return commit

    for module in (broadcast, confirmation, dispatch, nonce_sync, replacement):
        monkeypatch.setattr(module, "commit", with_the_other(module.commit))
    for number in range(20):
        if number < 6:
            history.attempt(history.accept)
        history.mine()
        history.attempt(lambda: tick.run_pass("local"))
    assert passes[0] > 20
    assert [(row.state, row.finalized, row.attempt_count) for row in history.rows()] == [
        ("confirmed", True, 1)
    ] * 7
    history.judge()
