"""Thousands of streams of one process while orders run: each client sees its user's events, all of them, in order, and
none of another's; over each of the three doors. Times are printed, and depend on what else the machine does."""

from __future__ import annotations

import pytest

from tests.bench import streams
from tests.support.proof import figure


@pytest.mark.parametrize("kind", list(streams.SERVERS))
def test_each_of_thousands_sees_its_own_events_in_order(kind: str) -> None:
    with streams.product(f"streams_{kind}") as bench:
        streams.run(bench)
    figure(f"streams over {kind}", "embedded", "; ".join(bench.said))
    assert not [line for line in bench.missed if "memory" in line]
