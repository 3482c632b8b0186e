"""The stage of random histories: the engine over models of all its dependencies."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared import resources
from shared.adapters.cache import NoCache
from shared.chain.errors import ChainError
from shared.domain.errors import Refusal
from shared.engine import broadcast, dispatch, pending, tick
from shared.keys.local_vault import LocalVault, MasterKeys
from shared.runtime import clock
from shared.settings import load
from shared.store.port import StoreError
from shared.store.table import INDEXES
from shared.writes import group_commit, mutation, outbox_relay
from tests.model.generated import GENERATED

if TYPE_CHECKING:
    from tests.unit.engine.histories import History

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Clock:
    moment: datetime = START

    def now(self) -> datetime:
        return self.moment


def send_new(client: Any, stored: Any) -> None:
    """Send attempts of one lane that were stored just before, and record the answers that are worth it."""
    broadcast.record(client, broadcast.worth_recording(client, broadcast.broadcast(client, stored)))


class Inline:
    """Stores and sends at once, on the history's only thread."""

    def store(self, client: Any, commit_batch: Any) -> None:
        send_new(client, commit_batch())

    def settle(self) -> None: ...

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None: ...


@contextlib.contextmanager
def world(history: History, patch: Any) -> Iterator[None]:
    """Run the engine over this history's parts; it dies and is overtaken as the history decides."""
    settings = replace(load({}), rpc_urls={"local": ("http://unused",)})
    vault = LocalVault(MasterKeys.generate(), production=False)
    rng = history.rng

    def point(name: str) -> None:
        if history.armed and rng.random() < 0.02:
            raise Killed

    class Behind(mutation.OwnCommit):
        """A body is refused after its own commit, whose answer was lost."""

        def __init__(self) -> None:
            super().__init__()
            history.node.told["refused behind its own commit"] += 1

    real = dispatch.commit

    def overtaken(body: Any, *args: Any) -> Any:
        """Another sender does a complete round between the signing and the commit."""
        if history.armed and rng.random() < 0.1:
            history.armed = False
            with contextlib.suppress(ChainError, StoreError, Refusal):
                dispatch.drain(f"local:{history.owner.address.lower()}")
            history.armed = True
        return real(body, *args)

    patch.setattr(clock, "secrets", random.Random(history.seed + 1))
    patch.setattr(clock.secrets, "token_bytes", clock.secrets.randbytes, raising=False)
    patch.setattr(outbox_relay, "after_commit", lambda changes, committed_at: None)
    patch.setattr(dispatch.time, "sleep", lambda seconds: None)
    patch.setattr(dispatch, "commit", overtaken)
    patch.setattr(broadcast, "point", point)
    patch.setattr(broadcast, "BroadcastQueue", Inline)
    patch.setattr(tick, "side_by_side", lambda wanted, work: [work(one) for one in wanted])
    patch.setattr(mutation, "point", point)
    patch.setattr(mutation, "OwnCommit", Behind)
    patch.setattr(group_commit, "point", point)
    complete_the_model()
    if history.seed % 4 == 3:  # as with a large backlog
        patch.setattr(pending, "FULL_ROWS", 1)
    with resources.override(
        fresh=True, settings=settings, vault=vault, clock=history.clock, cache=NoCache(),
        database=history.database, **{"chain:local": history.client},
    ):  # fmt: skip
        yield


def complete_the_model() -> None:
    """Generated columns that no history needs are NULL."""
    for index in INDEXES.values():
        table = index.table
        known = GENERATED.setdefault(table.name, {})
        for name in index.key:
            if name not in table.columns and name not in known:
                known[name] = lambda row: None
