"""Send stored bytes to the nodes and record their answers (T3).

Only attempts that a commit has stored are sent (I1). The nonce stays assigned, whatever a node answers: an answer
decides when to look again and whether to offer a higher fee, never that the bytes are gone. That a node took new bytes
is not recorded where a block comes first: the commit that stored them says what would be written.
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
from shared.domain.transactions.schedule import SIGNED_WAIT
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
MAX_UNRECORDED = 512  # unrecorded answers that a lane may have while its queue is sent
Pair = tuple[Transaction, Attempt]


@dataclass(frozen=True, slots=True)
class Sent:
    """A node's answer to an attempt; transaction and attempt are as they were when the bytes were sent."""

    transaction: Transaction
    attempt: Attempt
    outcome: SendOutcome


class BroadcastQueue:
    """Stores the batches of one lane in sequence and sends each batch after it is stored, while the caller prepares
    the next one. Answers are recorded last, as far as needed: if the process dies first, the bytes are sent again and
    nodes already know them.

    Leaving the `with` block sends and records everything, then raises the first failure."""

    def __init__(self) -> None:
        self._stores = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broadcast")
        self._storing: Future[None] | None = None
        self._sent: list[Future[None]] = []
        self._answers: list[Sent] = []
        self._client: ChainClient | None = None

    def store(self, client: ChainClient, commit_batch: Callable[[], Sequence[Pair]]) -> None:
        """Queue a batch to be stored after the previous one, then sent; `commit_batch` returns what it has committed.

        Raises the failure of storing the previous batch; this batch is then not stored."""
        self.settle()
        self._client = client
        self._storing = self._stores.submit(contextvars.copy_context().run, self._store, client, commit_batch)

    def settle(self) -> None:
        """Wait until all queued batches are stored. Raises the failure of storing them."""
        storing, self._storing = self._storing, None
        if storing is not None:
            storing.result()

    def _store(self, client: ChainClient, commit_batch: Callable[[], Sequence[Pair]]) -> None:
        stored = commit_batch()
        self._sent.append(self._thread.submit(contextvars.copy_context().run, self._send, client, stored))

    def _send(self, client: ChainClient, stored: Sequence[Pair]) -> None:
        self._answers += worth_recording(client, broadcast(client, stored))
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
    """Send stored attempts of one lane in nonce order and record the answers."""
    record(client, broadcast(client, stored))


def worth_recording(client: ChainClient, sent: Sequence[Sent]) -> list[Sent]:
    """The answers to new bytes that have to be recorded: where a block comes before the bytes are due again, only those
    of nodes that did not take them. What was taken is then found in a block, or sent again and recorded."""
    longest = SIGNED_WAIT.total_seconds()
    return [one for one in sent if one.outcome not in TAKEN or client.spec.block_seconds > longest]


def broadcast(client: ChainClient, stored: Sequence[Pair]) -> list[Sent]:
    """Send stored attempts of one lane in nonce order."""
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
    """Record the answers to attempts of one lane (T3)."""
    for start in range(0, len(sent), RECORD_BATCH):
        part = sent[start : start + RECORD_BATCH]
        commit(write_answers, part[0].transaction.lane_id, part, client.spec.block_seconds)


def write_answers(unit: UnitOfWork, lane_id: str, sent: Sequence[Sent], block_seconds: float) -> None:
    """Write the answers to a batch (T3): transactions, attempts, and the lane if it stops or resumes for lack of
    funds."""
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
