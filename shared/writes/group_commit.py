"""Group commit: runs of this process that would queue for the same rows share one transaction.

Spanner lets one transaction at a time change a row, so a wallet that many requests spend from could serve one of them
in each commit's latency. Whoever comes first commits at once; who comes meanwhile goes with the next commit, all
together, and nobody waits for a group to fill (DeWitt et al., SIGMOD 1984).

Each keeps its own unit of work, operation record, audit row, events and refusal. What a body reads by key shows what
those before it write; so a body that reads by index what others of its group write must not go in one. A fault that
cannot be laid to one of them lets each run alone again, under its own operation record.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime
from typing import Any

from shared import resources
from shared.domain.errors import Refusal
from shared.runtime.context import remaining_seconds, running
from shared.runtime.crash_points import point
from shared.runtime.errors import Unready
from shared.store.port import AlreadyExists, StoreTransaction
from shared.store.unit_of_work import UnitOfWork
from shared.writes import outbox_relay
from shared.writes.mutation import Mutation, Replay

_log = logging.getLogger(__name__)
MOST = 32  # runs in one commit
LONGEST_WAIT = 60.0  # seconds, where the request has no nearer deadline
_lock = threading.Lock()
_waiting: dict[str, deque[_Seat]] = {}  # by group, while one of it is committing


class Alone(Exception):
    """This run is to be committed by itself."""


class _Refused(Exception):
    """Every run of the group is refused: there is nothing to commit."""


class _Seat:
    """One run's place in a group, and what became of it."""

    def __init__(self, run: Mutation) -> None:
        self.run = run
        self.called = threading.Event()  # it leads, or it is settled
        self.leads = False
        self.answer: Any = None
        self.error: Exception | None = Unready()  # until the commit is known to have happened
        self._tried: Exception | None = None

    def attempt(self, transaction: StoreTransaction, before: UnitOfWork | None) -> UnitOfWork | None:
        """The unit with this run's writes behind those `before`; None when it has none."""
        self._tried = None
        try:
            with running(self.run.context):
                self.answer = self.run.attempt(transaction, before)
        except (Refusal, Replay) as refusal:
            self._tried = refusal
        except AlreadyExists:  # of what another one here inserts: that has to be there first
            self._tried = Alone()
        return None if self._tried else self.run.unit

    def settle(self) -> None:
        """What was tried counts."""
        self.error = self._tried


def join(group: str, run: Mutation) -> Any:
    """Commit `run` with those that wait for `group` now; its answer. Raises the body's Refusal, Replay, Unready when
    its time is over, and Alone when it is to be run by itself."""
    seat = _Seat(run)
    if not _enters(group, seat):
        seat.called.wait(remaining_seconds(LONGEST_WAIT))
        if _gives_up(group, seat):
            raise Unready()
    if seat.leads:
        _lead(group, seat)
    if isinstance(seat.error, Alone):
        run.unsure = True
    if seat.error is not None:
        raise seat.error
    return seat.answer


def _enters(group: str, seat: _Seat) -> bool:
    """Whether the seat may lead now; else it waits."""
    with _lock:
        if group in _waiting:
            _waiting[group].append(seat)
        else:
            _waiting[group], seat.leads = deque(), True
        return seat.leads


def _gives_up(group: str, seat: _Seat) -> bool:
    """Past its deadline it is not taken along any more; was it taken already, only its operation record will know."""
    with _lock:
        if seat.called.is_set():
            return False
        if seat in _waiting.get(group, ()):
            _waiting[group].remove(seat)
        return True


def _lead(group: str, first: _Seat) -> None:
    seats = [first]
    committed_at = None
    try:
        committed_at = _commit(group, seats)
    finally:
        _hand_over(group)
        try:
            if committed_at is not None:
                _tell(seats, committed_at)
        finally:
            for seat in seats[1:]:
                seat.called.set()


def _takes_along(group: str, seats: list[_Seat]) -> None:
    """Who has come while the first one waited for its reads goes too, also when the transaction is begun anew."""
    with _lock:
        while _waiting[group] and len(seats) < MOST:
            seats.append(_waiting[group].popleft())


def _hand_over(group: str) -> None:
    """The next one that waits leads; without one the group ends."""
    with _lock:
        if _waiting[group]:
            following = _waiting[group].popleft()
            following.leads = True
            following.called.set()
        else:
            del _waiting[group]


def _commit(group: str, seats: list[_Seat]) -> datetime | None:
    """One transaction for all; each seat then knows what became of it. None when nothing was committed."""

    def body(transaction: StoreTransaction) -> None:
        last = seats[0].attempt(transaction, None)
        _takes_along(group, seats)
        for seat in seats[1:]:
            last = seat.attempt(transaction, last) or last
        if last is None:
            raise _Refused
        last.flush()

    committed_at = None
    try:
        committed_at = resources.database().transact(body)[1]
    except _Refused:
        pass
    except Exception as error:
        _log.info("each runs alone", extra={"runs": len(seats), "error": type(error).__name__})
        for seat in seats:
            seat.error = Alone()
        return None
    for seat in seats:
        seat.settle()
    return committed_at


def _tell(seats: list[_Seat], committed_at: datetime) -> None:
    done = [seat.run for seat in seats if seat.error is None]
    for run in done:
        run.context.answer.committed = True
    point("after_commit")
    outbox_relay.after_commit([run.unit.changes for run in done if run.unit], committed_at)
