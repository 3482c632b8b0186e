"""Blocked transactions continue as soon as possible, for every cause and order of causes."""

from __future__ import annotations

from datetime import timedelta

from shared.store.session import Session
from shared.store.tables.supplies import FUNDS
from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.wallet_histories import WalletsHistory

SECOND = timedelta(seconds=1)


def test_funds_that_come_when_fees_have_risen_are_enough(history: StepwiseHistory) -> None:
    """The node checks the fee first: bytes that were refused for missing funds are too cheap by now."""
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
    """Coins left in another way after both were accepted: the rest covers the small one."""
    WalletsHistory.bound(history, history.owner, None, 10**18)  # type: ignore[arg-type]
    ether = 10**18
    history.attempt(lambda: history.accept_value("large", 80 * ether))
    history.attempt(lambda: history.accept_value("small", ether // 2))
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


def test_a_plain_transfer_that_fees_have_overtaken_is_sped_up(history: StepwiseHistory) -> None:
    """Its committed gas covers no further bump: more is booked, at its owner's request."""
    _overtaken(history)
    committed = history.row(1).committed_gas
    history.attempt(lambda: history.hasten_one(1))
    assert history.row(1).committed_gas > committed
    history.tick_through(12)
    assert (history.row(1).state, history.row(1).finalized) == ("confirmed", True)
    assert _committed(history) == 0


def test_a_plain_transfer_that_fees_have_overtaken_is_cancelled(history: StepwiseHistory) -> None:
    _overtaken(history)
    history.attempt(lambda: history.cancel_one(1))
    history.tick_through(12)
    assert (history.row(1).state, history.row(1).finalized) == ("cancelled", True)
    assert _committed(history) == 0


def test_more_gas_has_to_be_covered(history: StepwiseHistory) -> None:
    _overtaken(history)
    history.empty()
    history.node.mine(empty=True)
    history.node.mine(empty=True)
    before = history.row(1)
    history.attempt(lambda: history.hasten_one(1))
    assert history.row(1) == before, "a refusal writes nothing"
    history.attempt(lambda: history.cancel_one(1))
    assert (history.row(1).undo_state, history.row(1).committed_gas) == ("cancelled", before.committed_gas)


def _overtaken(history: StepwiseHistory) -> None:
    """A transfer whose last bump was the last one that its committed gas allowed."""
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.node.base_fee = 50 * GWEI
    for _ in range(12):
        history.tick_through(10)
    assert history.row(1).blocked_reason == "FEE_BLOCKED"


def _committed(history: StepwiseHistory) -> int:
    return sum(
        row.committed + row.in_flight for row in Session(history.database.snapshot()).many(FUNDS.scan())
    )
