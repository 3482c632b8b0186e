"""More work than one run can do: each result is committed as it comes, and nothing always comes last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.chain.errors import Unreachable
from shared.engine import bucket_visit, tick
from shared.store.port import Unavailable
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_node_faults import Twisted

RUN = 58.0  # seconds, like in tick_chain
EXCHANGE = 0.03  # seconds per call of a node
WAITING = 1_200


class Slow(Twisted):
    """A node with a slow connection, and a run that ends."""

    left = RUN

    def _pay(self) -> None:
        self.left -= EXCHANGE
        if self.left <= 0:
            raise Unreachable("no time left")

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        self._pay()
        return super().call(method, params)

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        self._pay()
        self.left += EXCHANGE * len(calls)  # one exchange for all
        return super().batch(calls)


def confirmed_rows(history: StepwiseHistory, number: int) -> None:
    """This number of transactions that wait for finality, each in a separate block."""
    row = history.row(0)
    (attempt,) = Session(history.database.snapshot()).many(ATTEMPTS.scan(row.id))
    lane = Session(history.database.snapshot()).one(LANES.get(row.lane_id))
    writes = []
    for count in range(1, number + 1):
        history.mine()
        block = history.node.blocks[-1]
        one = replace(
            row, id=f"txn_{count:05}", idem_key=f"{count}", nonce=count, hash=f"0x{count:064x}", finalized=False,
            mined_block_number=block.number, mined_block_hash=block.hash, next_action_at=history.clock.now(),
            waiting_for="finality", waiting_since=history.clock.now(),
        )  # fmt: skip
        sent = replace(attempt, transaction_id=one.id, hash=one.hash)
        writes += [TRANSACTIONS.write("insert", one), ATTEMPTS.write("insert", sent)]
    writes.append(LANES.write("update", replace(lane, next_nonce=number + 1, chain_nonce=number + 1)))
    history.database.write(writes)
    for _ in range(10):
        history.mine()


def unfinished(history: StepwiseHistory) -> int:
    return sum(not row.finalized for row in history.rows())


@pytest.mark.parametrize(("run", "runs"), [(RUN, 2), (8.0, 12)])
def test_any_backlog_is_worked_off(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch, run: float, runs: int
) -> None:
    """Finality has stalled and comes for all of them at once; short runs keep their results."""
    confirmed_rows(history, WAITING)
    slow, real = Slow(history), history.database._commit
    history.use(slow, slow)

    def in_time(writes: Any) -> Any:
        if slow.left <= 0:
            raise Unavailable("no time left")
        return real(writes)

    history.database._commit = in_time
    for module in (tick, bucket_visit):
        monkeypatch.setattr(module, "remaining_seconds", lambda cap: min(cap, slow.left))
    left = [unfinished(history)]
    for _ in range(runs):
        slow.left = run
        history.mine()
        history.attempt(history.tick)
        left.append(unfinished(history))
        if not left[-1]:
            break
        assert left[-1] < left[-2], "a run that ends early keeps what it has done"
    assert left[-1] == 0, left
