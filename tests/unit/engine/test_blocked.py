"""What is held up goes on as soon as it can, whatever held it up and in which order."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.engine.blocks import GWEI
from tests.unit.engine.calm import Calm
from tests.unit.engine.crowds import Crowd

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


def test_what_waits_for_approval_does_not_hold_up_what_is_covered(calm: Calm) -> None:
    """Coins left by another way since both were accepted: the rest covers the small one."""
    Crowd.bound(calm, calm.owner, None, 10**18)  # type: ignore[arg-type]
    ether = 10**18
    calm.attempt(lambda: calm.accept_value("large", 80 * ether))
    calm.attempt(lambda: calm.accept_value("small", ether))
    calm.node.given[calm.owner.address.lower()] = 60 * ether
    for _ in range(3):
        calm.mine()
    calm.tick_through(10)
    by_id = {row.id: row for row in calm.rows()}
    assert by_id["large"].state == "held"
    assert by_id["small"].state == "confirmed"


def test_what_is_under_way_counts_before_what_is_queued(calm: Calm) -> None:
    ether = 10**18
    calm.attempt(lambda: calm.accept_value("first", 50 * ether))
    calm.attempt(calm.hint)
    calm.node.pool.clear()  # it has its nonce and is not mined
    calm.attempt(lambda: calm.accept_value("second", 30 * ether))
    calm.node.given[calm.owner.address.lower()] = 60 * ether
    for _ in range(3):
        calm.node.mine(empty=True)
    calm.attempt(calm.hint)
    by_id = {row.id: row for row in calm.rows()}
    assert (by_id["second"].nonce, by_id["second"].blocked_reason) == (None, "FUNDS_BLOCKED")
