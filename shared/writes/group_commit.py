"""Group commit: mutations of this process that compete for the same rows share one transaction.

Spanner lets one transaction at a time change a row. Without groups, each commit could serve only one of the many
requests that spend from a wallet. The first mutation commits at once. Mutations that arrive in the meantime go
together into the next commit; nobody waits for a group to fill (DeWitt et al., SIGMOD 1984).

Each mutation keeps its own unit of work, operation record, audit row, events and refusal. Reads by key see the writes
of earlier members of the group. If a body reads by index rows that other members write, it must not be grouped. After
a fault that cannot be attributed to one member, each member commits alone under its own operation record.
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
MAX_MEMBERS = 32  # mutations in one commit
MAX_WAIT = 60.0  # seconds, if the request has no earlier deadline


class CommitAlone(Exception):
    """This mutation must be committed by itself."""


class _AllRefused(Exception):
    """Every mutation of the group is refused, so there is nothing to commit."""


class _Member:
    """A mutation of a group, and its result."""

    def __init__(self, mutation: Mutation) -> None:
        self.mutation = mutation
        self.woken = threading.Event()  # set when this member leads or is settled
        self.leads = False
        self.answer: Any = None
        self.error: Exception | None = Unready()  # replaced when the commit is known to have happened
        self._attempted: Exception | None = None

    def attempt(self, transaction: StoreTransaction, before: UnitOfWork | None) -> UnitOfWork | None:
        """The unit with this mutation's writes on top of those of `before`; None if it has no writes."""
        self._attempted = None
        try:
            with running(self.mutation.context):
                self.answer = self.mutation.attempt(transaction, before)
        except (Refusal, Replay) as refusal:
            self._attempted = refusal
        except AlreadyExists:  # another member inserts the same row and must commit first
            self._attempted = CommitAlone()
        return None if self._attempted else self.mutation.unit

    def settle(self) -> None:
        """Treat the last attempt as the committed one."""
        self.error = self._attempted


class CommitGroups:
    """The mutations waiting for a commit, by group; a group exists while one of its members is committing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[_Member]] = {}

    def waiting(self, group: str) -> int | None:
        """How many mutations wait for the next commit of this group; None if no commit is running."""
        with self._lock:
            return len(self._waiting[group]) if group in self._waiting else None

    def enter(self, group: str, member: _Member) -> None:
        """Lead the group if nobody does; otherwise wait in it."""
        with self._lock:
            if group in self._waiting:
                self._waiting[group].append(member)
            else:
                self._waiting[group], member.leads = deque(), True

    def leave(self, group: str, member: _Member) -> bool:
        """Stop waiting, so that no commit takes this mutation. Returns False if it already leads or is settled.

        If a commit has already taken it, only its operation record shows whether it happened.
        """
        with self._lock:
            if member.woken.is_set():
                return False
            if member in self._waiting.get(group, ()):
                self._waiting[group].remove(member)
            return True

    def take_waiting(self, group: str, members: list[_Member]) -> None:
        """Add to `members` the mutations that arrived since the commit began."""
        with self._lock:
            while self._waiting[group] and len(members) < MAX_MEMBERS:
                members.append(self._waiting[group].popleft())

    def hand_over(self, group: str) -> None:
        """Let the next waiting mutation lead; if there is none, the group ends."""
        with self._lock:
            if self._waiting[group]:
                following = self._waiting[group].popleft()
                following.leads = True
                following.woken.set()
            else:
                del self._waiting[group]


def join(group: str, mutation: Mutation) -> Any:
    """Commit `mutation` together with those that wait for `group`, and return its answer.

    Raises the body's Refusal, Replay, Unready when its time is over, and CommitAlone when it must run by itself.
    """
    groups, member = resources.memory(CommitGroups), _Member(mutation)
    groups.enter(group, member)
    if not member.leads:
        member.woken.wait(remaining_seconds(MAX_WAIT))
        if groups.leave(group, member):
            raise Unready()
    if member.leads:
        _lead(groups, group, member)
    if isinstance(member.error, CommitAlone):
        mutation.unsure = True
    if member.error is not None:
        raise member.error
    return member.answer


def _lead(groups: CommitGroups, group: str, first: _Member) -> None:
    members = [first]
    committed_at = None
    try:
        committed_at = _commit(groups, group, members)
    finally:
        groups.hand_over(group)
        try:
            if committed_at is not None:
                _after_commit(members, committed_at)
        finally:
            for member in members[1:]:
                member.woken.set()


def _commit(groups: CommitGroups, group: str, members: list[_Member]) -> datetime | None:
    """Commit all members in one transaction and set each member's result. Returns None if nothing was committed."""

    def body(transaction: StoreTransaction) -> None:
        last = members[0].attempt(transaction, None)
        groups.take_waiting(group, members)  # those that arrived during its reads, also in a re-run
        for member in members[1:]:
            last = member.attempt(transaction, last) or last
        if last is None:
            raise _AllRefused
        last.flush()

    committed_at = None
    try:
        committed_at = resources.database().transact(body)[1]
    except _AllRefused:
        pass
    except Exception as error:
        _log.info("each runs alone", extra={"runs": len(members), "error": type(error).__name__})
        for member in members:
            member.error = CommitAlone()
        return None
    for member in members:
        member.settle()
    return committed_at


def _after_commit(members: list[_Member], committed_at: datetime) -> None:
    done = [member.mutation for member in members if member.error is None]
    for mutation in done:
        mutation.context.answer.committed = True
    point("after_commit")
    outbox_relay.after_commit([mutation.unit.changes for mutation in done if mutation.unit], committed_at)
