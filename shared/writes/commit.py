"""Run a transaction body as one mutation: commit it, or replay its stored answer; resolve an unknown outcome; then
publish its events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

from shared import resources
from shared.runtime.context import current
from shared.runtime.errors import Contended, Unready
from shared.store.port import AlreadyExists, Contention, Unavailable, UnknownOutcome
from shared.store.session import Session
from shared.store.tables import system
from shared.writes import group_commit
from shared.writes.mutation import Mutation, Replay, find_record

T = TypeVar("T")
_log = logging.getLogger(__name__)
UNKNOWN_COMMIT_TRIES = 3
# What reads, leases and `commit` raise if the store cannot do it now; nothing is wrong with what was asked for.
STORE_FAULTS: Final = (Contention, Unavailable, UnknownOutcome, Contended, Unready)


def commit(
    body: Callable[..., T],
    *args: Any,
    inbox: system.InboxRow | None = None,
    optimistic: bool = False,
    group: str | None = None,
) -> T:
    """Run `body(unit, *args)` as one mutation and return its answer.

    `inbox` makes the body the once-only effect of an event. `group` names the rows that several mutations compete
    for, so that they share a commit (see `group_commit`).

    Raises the body's Refusal, `Replay`, `AlreadyApplied`, or Unready/Contended if the store cannot commit now."""
    mutation = Mutation(body, args, inbox, optimistic)
    if group is not None:
        assert not optimistic, "a group reads what its members write: it takes locks"
        with suppress(group_commit.CommitAlone):
            return cast(T, group_commit.join(group, mutation))
    for attempt in range(UNKNOWN_COMMIT_TRIES):
        try:
            return cast(T, mutation.once())
        except UnknownOutcome:
            _log.warning(
                "commit outcome unknown, running again under the same key", extra={"attempt": attempt}
            )
            mutation.unsure = True
        except AlreadyExists as conflict:
            return cast(T, mutation.explain(conflict))
        except Contention:
            raise Contended() from None
        except Unavailable:
            raise Unready() from None
    raise Unready()


def replay_if_done() -> None:
    """Raise Replay if the first run with this key did something; for an operation that found nothing to do."""
    context = current()
    if context.request.idempotency:
        session = Session(resources.database().snapshot())
        record = find_record(session, context, context.request.idempotency.key)
        if record is not None:
            raise Replay(record)
