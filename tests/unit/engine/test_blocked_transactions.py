"""What is held up goes on as soon as it can, whatever held it up and in which order."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.wallet_histories import WalletsHistory

SECOND = timedelta(seconds=1)


def test_funds_that_come_when_fees_have_risen_are_enough(history: StepwiseHistory) -> None:
    """The node looks at the fee first: bytes that were refused for want of funds are too cheap by now."""
    history.node.faults.strict = True
    history.attempt(history.accept)
    history.empty()
    history.attempt(history.hint)
    history.tick_through(2)
    assert history.row(1).blocked_reason == "FUNDS_BLOCKED"
    history.node.base_fee = 5 * GWEI
    history.top_up()
    for _ in range(4):
        history.clock.moment += 20 * SECOND
        history.tick_through(3)
    assert (history.row(1).state, history.row(1).attempt_count) == ("confirmed", 2)


def test_what_waits_for_approval_does_not_hold_up_what_is_covered(history: StepwiseHistory) -> None:
    """Coins left by another way since both were accepted: the rest covers the small one."""
    WalletsHistory.bound(history, history.owner, None, 10**18)  # type: ignore[arg-type]
    ether = 10**18
    history.attempt(lambda: history.accept_value("large", 80 * ether))
    history.attempt(lambda: history.accept_value("small", ether))
    history.node.given[history.owner.address.lower()] = 60 * ether
    for _ in range(3):
        history.mine()
    history.tick_through(10)
    by_id = {row.id: row for row in history.rows()}
    assert by_id["large"].state == "held"
    assert by_id["small"].state == "confirmed"


def test_what_is_under_way_counts_before_what_is_queued(history: StepwiseHistory) -> None:
    ether = 10**18
    history.attempt(lambda: history.accept_value("first", 50 * ether))
    history.attempt(history.hint)
    history.node.pool.clear()  # it has its nonce and is not mined
    history.attempt(lambda: history.accept_value("second", 30 * ether))
    history.node.given[history.owner.address.lower()] = 60 * ether
    for _ in range(3):
        history.node.mine(empty=True)
    history.attempt(history.hint)
    by_id = {row.id: row for row in history.rows()}
    assert (by_id["second"].nonce, by_id["second"].blocked_reason) == (None, "FUNDS_BLOCKED")
