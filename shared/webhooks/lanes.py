"""Process one endpoint's lane: feed it, attempt due deliveries and record the results, until nothing is left.

One process at a time works on a lane, under a lease that ends by itself if the process dies. Deliveries that it had
sent but not recorded are sent again, with the same id. A process works on a limited number of lanes, few per user and
few failing ones, so that no receiver holds up the others.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared import resources
from shared.domain.webhooks import deliveries, lanes
from shared.domain.webhooks.deliveries import Delivery
from shared.domain.webhooks.endpoints import Webhook
from shared.domain.webhooks.lanes import WebhookLane
from shared.runtime.clock import new_id
from shared.runtime.context import remaining_seconds
from shared.store.port import StoreTransaction
from shared.store.session import Session
from shared.store.tables.system import FEED
from shared.store.tables.users import USERS
from shared.store.tables.webhooks import DELIVERIES, DELIVERIES_DUE, LANES, LANES_DUE, WEBHOOKS
from shared.webhooks import feeding, hints, secrets
from shared.webhooks.disabling import disable
from shared.webhooks.sending import SECONDS, Outcome, Receiver

AT_ONCE: Final = 8  # simultaneous deliveries to one endpoint that answers
RESERVE_SECONDS: Final = SECONDS + 5.0  # of the run's deadline, reserved for the last attempts
MAX_SECONDS: Final = 25.0  # seconds of one run, after which other lanes have their turn


class LanePlaces:
    """The lanes that this process works on; few of one user, and few whose endpoints fail or are slow."""

    ALL, SLOW, OF_USER = 8, 3, 3
    SECONDS = 2.0  # an endpoint that takes longer is slow
    REMEMBERED = 4_096  # slow endpoints

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: Counter[str] = Counter()
        self._taken_by_slow = 0
        self._slow: OrderedDict[str, None] = OrderedDict()

    def note(self, webhook_id: str, seconds: float) -> None:
        """Record how long the endpoint's last deliveries took."""
        with self._lock:
            self._slow.pop(webhook_id, None)
            if seconds > self.SECONDS:
                self._slow[webhook_id] = None
            if len(self._slow) > self.REMEMBERED:
                self._slow.popitem(last=False)

    @contextmanager
    def held(self, lane: WebhookLane) -> Iterator[bool]:
        """Hold a place for as long as the block runs; yields False if none is free."""
        with self._lock:
            slow = lane.failures > 0 or lane.webhook_id in self._slow
            free = (
                self._users.total() < self.ALL
                and self._users[lane.user_id] < self.OF_USER
                and not (slow and self._taken_by_slow >= self.SLOW)
            )
            if free:
                self._users[lane.user_id] += 1
                self._taken_by_slow += slow
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._users[lane.user_id] -= 1
                    self._taken_by_slow -= slow


def run(webhook_id: str) -> None:
    """Process the lane of an endpoint now, unless another process does. Raises the errors of the store and the
    vault."""
    lane = Session(resources.database().snapshot()).maybe(LANES.find(webhook_id))
    now = resources.clock().now()
    if lane is None or lane.due_at is None or lane.leased(now) or lane.waits(now):
        return
    with resources.memory(LanePlaces).held(lane) as free:
        if not free:
            _changed(webhook_id, lambda current: lanes.woken(current, now))
            return
        while _worked(webhook_id):
            pass


def _worked(webhook_id: str) -> bool:
    """Work for one lease of the lane; returns whether there is more to do at once."""
    now, lease = resources.clock().now(), new_id("lse")
    lane = _changed(
        webhook_id, lambda one: one if one.leased(now) or one.due_at is None else lanes.taken(one, lease, now)
    )
    if lane is None or lane.lease != lease:
        return False
    until = remaining_seconds(MAX_SECONDS + RESERVE_SECONDS) - RESERVE_SECONDS
    worker = Worker(lane, until)
    try:
        worker.work()
    finally:
        _release(worker)
    return _more(worker)


def _more(worker: Worker) -> bool:
    """Whether work arrived between the last check and the release, when its hint found the lane busy."""
    if worker.stopped or worker.waiting:
        return False
    if worker.timed_out:
        hints.wake([worker.lane.webhook_id])
        return False
    lane, session = worker.lane, Session(resources.database().snapshot())
    after = (lane.fed_at, lane.fed_ord, lane.fed_id)
    now = (resources.clock().now(),)
    feed, due = session.read(
        FEED.scan(lane.user_id, after=after, limit=1),
        DELIVERIES_DUE.scan(lane.webhook_id, upto=now, limit=1),
    )
    return bool(feed or due)


class Worker:
    """The holder of a lane's lease."""

    def __init__(self, lane: WebhookLane, seconds: float) -> None:
        self.lane = lane
        self.stopped = False  # delivery must stop, or another process has the lane
        self.timed_out = False
        self._clock = resources.clock()
        self._deadline = time.monotonic() + seconds

    @property
    def waiting(self) -> bool:
        """Whether the endpoint must not be called yet."""
        return self.lane.waits(self._clock.now())

    def work(self) -> None:
        session = Session(resources.database().snapshot())
        webhook, user = session.read(WEBHOOKS.find(self.lane.webhook_id), USERS.find(self.lane.user_id))
        if webhook is None or not webhook.active or (user is not None and user.disabled):
            self.stopped = True
            return
        if self.waiting:
            return
        signers = secrets.signers(webhook, self._clock.now())
        with (
            closing(Receiver(webhook, signers, AT_ONCE)) as receiver,
            ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool,
        ):
            while not (self.stopped or self.waiting or self.timed_out):
                if not self._progressed(webhook, receiver, pool):
                    return
                self.timed_out = time.monotonic() > self._deadline

    def _progressed(self, webhook: Webhook, receiver: Receiver, pool: ThreadPoolExecutor) -> bool:
        """Do the next work; returns whether there was any. While an endpoint fails, its events stay in the feed."""
        if self.lane.failures:
            return self._attempted(webhook, receiver, pool) or self._fed(webhook)
        moved = self._fed(webhook)
        return self._attempted(webhook, receiver, pool) or moved

    def _fed(self, webhook: Webhook) -> bool:
        """Feed the lane; returns whether there were further events."""
        after = feeding.fed(webhook, self.lane, self._clock.now())
        if after is None:
            self.stopped = True
            return False
        moved, self.lane = after is not self.lane, after
        return moved

    def _attempted(self, webhook: Webhook, receiver: Receiver, pool: ThreadPoolExecutor) -> bool:
        """Attempt some due deliveries and record the results; returns whether there were any."""
        if self.stopped:
            return False
        size = 1 if self.lane.failures else AT_ONCE
        session = Session(resources.database().snapshot())
        entries = session.many(
            DELIVERIES_DUE.scan(self.lane.webhook_id, upto=(self._clock.now(),), limit=size)
        )
        due = session.follow(DELIVERIES, entries)
        if not due:
            return False
        began = time.monotonic()
        outcomes = list(pool.map(receiver.attempt, due))
        resources.memory(LanePlaces).note(webhook.id, time.monotonic() - began)
        self._record(webhook, list(zip(due, outcomes, strict=True)))
        return True

    def _record(self, webhook: Webhook, done: Sequence[tuple[Delivery, Outcome]]) -> None:
        now, chance = self._clock.now(), random.random()  # noqa: S311 - spreads retries
        attempts = [(outcome.attempt, outcome.retry_after) for _, outcome in done]
        after = lanes.answered(self.lane, attempts, now, chance)
        after = replace(after, lease_until=now + lanes.LEASE, due_at=now + lanes.LEASE)
        results = [
            deliveries.attempted(one, outcome.attempt, outcome.retry_after, chance) for one, outcome in done
        ]
        kept, _ = resources.database().transact(
            lambda transaction: _recorded(transaction, self.lane, after, results)
        )
        self.lane = after
        self.stopped = not kept
        if any(outcome.attempt.status_code == 410 for _, outcome in done):
            self.stopped = True
            disable(webhook.id, "gone")
        elif after.given_up(now):
            self.stopped = True
            disable(webhook.id, "failing")


def _recorded(
    transaction: StoreTransaction, before: WebhookLane, after: WebhookLane, results: Sequence[Delivery]
) -> bool:
    """Record the results; returns whether the holder still has the lane. A delivery that was changed meanwhile (its
    owner requested it again) stays unchanged and is sent once more."""
    session = Session(transaction)
    current, known = session.read(
        LANES.find(before.webhook_id), DELIVERIES.get_many([DELIVERIES.key_of(one) for one in results])
    )
    versions = {one.id: one for one in known}
    writes = [
        DELIVERIES.update(versions[one.id], one)
        for one in results
        if one.id in versions and versions[one.id].version == one.version - 1
    ]
    mine = current is not None and current.lease == before.lease
    if mine and current is not None:
        place = {"fed_at": current.fed_at, "fed_ord": current.fed_ord, "fed_id": current.fed_id}
        writes.append(LANES.update(current, replace(after, **place)))
    transaction.buffer(writes)
    return mine


def _release(worker: Worker) -> None:
    """Release the lane, due at the time of its next delivery."""
    now, lane = resources.clock().now(), worker.lane
    session = Session(resources.database().snapshot())
    entries = session.many(DELIVERIES_DUE.scan(lane.webhook_id, limit=1))
    next_due = entries[0]["due_at"] if entries and not worker.stopped else None
    if worker.timed_out:
        next_due = now
    _changed(
        lane.webhook_id,
        lambda one: lanes.released(one, next_due, now) if one.lease == lane.lease else one,
    )


def _changed(webhook_id: str, change: Callable[[WebhookLane], WebhookLane]) -> WebhookLane | None:
    """The lane after `change`, in one commit; None if there is no lane."""

    def body(transaction: StoreTransaction) -> WebhookLane | None:
        current = Session(transaction).maybe(LANES.find(webhook_id))
        if current is None:
            return None
        after = change(current)
        if after != current:
            transaction.buffer([LANES.update(current, after)])
        return after

    after, _ = resources.database().transact(body)
    return after


def due(now: datetime, most: int) -> list[str]:
    """The endpoints whose lanes are due and not leased, the longest due first."""
    session = Session(resources.database().snapshot())
    shards = session.read_all(
        [LANES_DUE.scan(shard, upto=(now,), limit=most) for shard in range(lanes.SHARDS)]
    )
    found = sorted((entry["due_at"], entry["webhook_id"]) for entries in shards for entry in entries)
    return [webhook_id for _, webhook_id in found[:most]]
