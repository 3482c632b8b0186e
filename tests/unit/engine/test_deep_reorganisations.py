"""A reorganisation deeper than finality: a failed payment is paid or returned only if it is still failed."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain.errors import NoQuorum
from shared.domain.errors import InvalidState
from shared.engine import payouts
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS
from tests.unit.engine.chain_model import Mined
from tests.unit.engine.faulty_node import FaultyNode, Mirror
from tests.unit.engine.stepwise import StepwiseHistory


class OnOldBranch(Mirror):
    """An endpoint that stays on a branch of the chain which the others have left."""

    name = "faulty#2"

    def __init__(self, node: FaultyNode, branch: list[Mined]) -> None:
        super().__init__(node, node.faults)
        self.branch = branch

    def _asked(self, ask: Any) -> Any:
        newest, self.node.blocks = self.node.blocks, self.branch
        try:
            return super()._asked(ask)
        finally:
            self.node.blocks = newest


def undone_then_paid(history: StepwiseHistory) -> OnOldBranch:
    """Cancel a transaction by its no-op until that is final; then another branch, deeper than final, contains the
    transaction itself. Returns an endpoint that has stayed behind."""
    history.attempt(history.accept)
    history.attempt(history.hint)
    before = list(history.node.blocks)
    history.node.pool.clear()
    history.attempt(lambda: history.cancel_one(1))
    history.attempt(history.tick)
    history.tick_through(15)
    assert (history.row(1).state, history.row(1).finalized) == ("cancelled", True)
    return branch_with(history, before)


def branch_with(history: StepwiseHistory, before: list[Mined]) -> OnOldBranch:
    old, history.node.blocks = history.node.blocks, before
    payload = Session(history.database.snapshot()).many(ATTEMPTS.scan(history.row(1).id))[0]
    history.node.pool.clear()
    history.node.take(payload.raw)
    while len(history.node.blocks) < len(old):
        history.node.mine()
    assert payload.hash in {one.hash for one in history.node.canonical()}
    return OnOldBranch(history.node, old)


def check(history: StepwiseHistory) -> None:
    payouts._require_failed("local", [history.row(1).id])


def test_one_endpoint_on_the_old_branch_does_not_decide(history: StepwiseHistory) -> None:
    behind = undone_then_paid(history)
    history.use(behind, history.node)
    with pytest.raises(NoQuorum):
        check(history)
    history.use(behind, history.node, history.mirror)
    with pytest.raises(InvalidState):
        check(history)


def test_bytes_that_had_lost_their_nonce_may_be_in_a_block_after_all(history: StepwiseHistory) -> None:
    """The foreign transaction had the nonce in a final block when the payment was given up."""
    before = list(history.node.blocks)
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.node.pool.clear()
    history.attempt(history.foreigner)
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"
    history.attempt(lambda: history.give_up(history.row(1)))
    assert (history.row(1).state, history.row(1).finalized) == ("rejected", True)
    check(history)
    branch_with(history, before)
    with pytest.raises(InvalidState):
        check(history)
