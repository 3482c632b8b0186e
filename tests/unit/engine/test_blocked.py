"""What is held up goes on as soon as it can, whatever held it up and in which order."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.engine.blocks import GWEI
from tests.unit.engine.calm import Calm

SECOND = timedelta(seconds=1)


def test_funds_that_come_when_fees_have_risen_are_enough(calm: Calm) -> None:
    """The node looks at the fee first: bytes that were refused for want of funds are too cheap by now."""
    calm.node.faults.strict = True
    calm.attempt(calm.accept)
    calm.empty()
    calm.attempt(calm.hint)
    calm.tick_through(2)
    assert calm.row(1).blocked_reason == "FUNDS_BLOCKED"
    calm.node.base_fee = 5 * GWEI
    calm.top_up()
    for _ in range(4):
        calm.clock.moment += 20 * SECOND
        calm.tick_through(3)
    assert (calm.row(1).state, calm.row(1).attempt_count) == ("confirmed", 2)
