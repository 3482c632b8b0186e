"""Open thousands of streams of one process while orders run, over each of the three protocols: each client sees all of
its user's events, in order, and no other user's. Printed times depend on the machine's other work."""

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
