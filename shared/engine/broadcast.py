"""Stored bytes to the nodes, and T3: what came of it.

Only attempts that a commit has stored come here (I1). Whatever a node answers, the nonce stays: an answer decides
when to look again and whether to offer more, never that the bytes are gone.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from shared.chain.client import ChainClient
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions import lanes
from shared.domain.transactions.attempts import SendOutcome
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine.batch import Batch
from shared.runtime.crash_points import point
from shared.store.tables.transactions import LANES
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
FUNDS_BLOCKED = "FUNDS_BLOCKED"
TAKEN = ("sent", "known")
RECORD_BATCH = 64  # answers in one commit
MAX_UNRECORDED = 512  # answers of a lane that wait until its queue is sent
Pair = tuple[Transaction, Attempt]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a node answered to an attempt of a transaction, both as they were when its bytes left."""

    transaction: Transaction
    attempt: Attempt
    outcome: SendOutcome


class BroadcastQueue:
    """Stores batches of one lane one after the other and sends each once it is stored, while their caller prepares the
    next one. Answers are recorded last: what was not recorded when a process dies is sent again, and known by then.

    At the end of the block everything is sent and recorded; the first failure is raised then."""

    def __init__(self) -> None:
        self._stores = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broadcast")
        self._storing: Future[None] | None = None
        self._sent: list[Future[None]] = []
        self._answers: list[Sent] = []
        self._client: ChainClient | None = None

    def store(self, client: ChainClient, commit_batch: Callable[[], Sequence[Pair]]) -> None:
        """Have a batch stored behind the one before, then sent: `commit_batch` answers what it has committed.

        Raises what storing the one before has raised; this one is not stored then."""
        self.settle()
        self._client = client
        self._storing = self._stores.submit(contextvars.copy_context().run, self._store, client, commit_batch)

    def settle(self) -> None:
        """Wait until all that was given is stored. Raises what that has raised."""
        storing, self._storing = self._storing, None
        if storing is not None:
            storing.result()

    def _store(self, client: ChainClient, commit_batch: Callable[[], Sequence[Pair]]) -> None:
        stored = commit_batch()
        self._sent.append(self._thread.submit(contextvars.copy_context().run, self._send, client, stored))

    def _send(self, client: ChainClient, stored: Sequence[Pair]) -> None:
        self._answers += broadcast(client, stored)
        refused = any(one.outcome not in TAKEN for one in self._answers)
        if refused or len(self._answers) >= MAX_UNRECORDED:
            self._record(client)

    def _record(self, client: ChainClient) -> None:
        answers, self._answers = self._answers, []
        record(client, answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stores.shutdown(wait=True)
        self._thread.shutdown(wait=True)
        if self._client is not None:
            self._record(self._client)
        for future in self._sent:
            future.result()


def send(client: ChainClient, stored: Sequence[Pair]) -> None:
    """Send stored attempts of one lane in the order of their nonces and record the answers."""
    record(client, broadcast(client, stored))


def broadcast(client: ChainClient, stored: Sequence[Pair]) -> list[Sent]:
    """Send stored attempts of one lane in the order of their nonces."""
    if not stored:
        return []
    ordered = sorted(stored, key=lambda pair: pair[0].nonce or 0)
    point("before_broadcast")
    results = client.send_many([attempt.raw for _, attempt in ordered])
    point("after_broadcast")
    sent = []
    for (transaction, attempt), result in zip(ordered, results, strict=True):
        sent.append(Sent(transaction, attempt, result.outcome))
        if result.outcome not in TAKEN:
            _log.warning(
                "a node did not take a transaction",
                extra={"transaction": transaction.id, "outcome": result.outcome, "answer": result.text},
            )
    return sent


def record(client: ChainClient, sent: Sequence[Sent]) -> None:
    """T3 for attempts of one lane."""
    for start in range(0, len(sent), RECORD_BATCH):
        part = sent[start : start + RECORD_BATCH]
        commit(write_answers, part[0].transaction.lane_id, part, client.spec.block_seconds)


def write_answers(unit: UnitOfWork, lane_id: str, sent: Sequence[Sent], block_seconds: float) -> None:
    """T3 for a batch: transactions, attempts, and the lane when funds hold it up or let it go on."""
    batch = Batch.resume(unit, [(one.transaction, one.attempt) for one in sent])
    short, freed = False, False
    for one in sent:
        transaction = batch.rows.get(one.transaction.id)
        attempts = batch.attempts.get(one.transaction.id, ())
        attempt = next((a for a in attempts if a.k == one.attempt.k), None)
        if transaction is None or attempt is None:
            continue
        after, attempt, step = attempt_rules.record_send(
            transaction, attempt, one.outcome, unit.now, block_seconds
        )
        short = short or step == "pause_lane"
        freed = freed or (
            transaction.blocked_reason == FUNDS_BLOCKED and after.blocked_reason != FUNDS_BLOCKED
        )
        batch.change(unit, after, attempt)
    if short or freed:
        _follow_lane(unit, lane_id, short)


def _follow_lane(unit: UnitOfWork, lane_id: str, short: bool) -> None:
    lane = unit.maybe(LANES.find(lane_id))
    if lane is None:
        return
    if short and lane.paused_reason is None:
        unit.write(lanes.pause(lane, FUNDS_BLOCKED, unit.now))
    elif not short and lane.paused_reason == FUNDS_BLOCKED:
        unit.write(lanes.resume(lane, unit.now))
