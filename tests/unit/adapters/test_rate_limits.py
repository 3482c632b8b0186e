"""The place where requests are counted: shared by all instances, with or without a read cache."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared import resources
from shared.adapters.rate_limits import FirestoreCounters, OwnCounters
from shared.settings import load


@pytest.mark.parametrize(
    ("environment", "database", "kind"),
    [
        ("prod", "limits", FirestoreCounters),
        ("prod", "", OwnCounters),
        ("local", "limits", OwnCounters),
    ],
)
@pytest.mark.parametrize("cached", [True, False])
def test_instances_count_together_also_without_a_cache(
    environment: str, database: str, kind: type, *, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")  # otherwise its client looks for credentials
    chosen = replace(load({}), environment=environment, cache_enabled=cached, limits_database=database)
    with resources.override(fresh=True, settings=chosen):
        assert isinstance(resources.limiter()._counters, kind)
