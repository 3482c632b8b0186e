"""Users with webhook endpoints, events in their feeds, and the messages from one to the other."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from schemas.base import Resource
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import hints
from shared.writes.commit import commit
from tests.emulated.conftest import Recorder
from tests.support.inprocess import App


class Thing(Resource):
    """The data of a made-up event."""

    id: str
    note: str = ""


@dataclass
class Hooks:
    app: App
    published: Recorder
    handled: int = 0
    secrets: dict[str, str] = field(default_factory=dict)

    def user(self) -> str:
        return f"usr_{secrets.token_hex(6)}"

    def endpoint(self, user: str, url: str, *types: str, **more: Any) -> str:
        """Create an endpoint; returns its id. `secrets` has its secret."""
        body = {"url": url, "event_types": list(types) or ["*"], **more}
        made = self.app.ok(201, "POST", "/webhooks", body, user=user)
        self.secrets[made["id"]] = made["secret"]
        self.drain()  # the event of its creation is not part of the test
        return str(made["id"])

    def happen(self, user: str, kind: str = "order.created", *, count: int = 1, note: str = "") -> list[str]:
        """Write events to a user's feed, in one commit; returns their subjects' ids."""
        subjects = [new_id("ord") for _ in range(count)]

        def body(unit: UnitOfWork) -> None:
            for number, subject in enumerate(subjects):
                unit.emit(kind, subject, number + 1, Thing(id=subject, note=note), feed=[user])

        with running(Context("tests", new_id("req"), deadline_in(60), caller=Caller.of_system())):
            commit(body)
        return subjects

    def drain(self) -> None:
        """Deliver every published message to its handler, until there is none."""
        while self.handled < len(self.published.sent):
            topic, envelope = self.published.sent[self.handled]
            self.handled += 1
            self.handle(topic, envelope)

    def handle(self, topic: str, envelope: Any) -> None:
        """Deliver one message to its handler."""
        if topic == hints.TOPIC:
            self.push("deliver_webhooks", envelope, topic)
        elif envelope.get("audience"):
            self.push("wake_webhooks", envelope, topic)

    def push(self, operation: str, envelope: Any, topic: str) -> None:
        answer = self.app.push(operation, envelope, topic=topic)
        assert answer.status == 204, answer.text

    def sweep(self) -> None:
        """Run the schedule, and its follow-ups."""
        assert self.app.schedule("sweep_webhooks").status == 204
        self.drain()

    def deliveries(self, user: str, webhook: str, query: str = "") -> list[Any]:
        found: list[Any] = self.app.ok(
            200, "GET", f"/webhooks/{webhook}/deliveries?limit=100{query}", user=user
        )["items"]
        return found

    def shown(self, user: str, webhook: str) -> Any:
        return self.app.ok(200, "GET", f"/webhooks/{webhook}", user=user)


class Bus:
    """Pushes each message as soon as it is published, several at once, like Pub/Sub."""

    THREADS = 16

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._busy = 0
        self.failures: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[Bus]:
        """Run for the block. Raises the errors of pushes."""
        with ThreadPoolExecutor(self.THREADS) as pool:
            thread = threading.Thread(target=self._run, args=(pool,))
            thread.start()
            try:
                yield self
            finally:
                self._stopped.set()
                thread.join()
        assert self.failures == []

    def settle(self, seconds: float = 60) -> None:
        """Wait, for at most this long, until every published message and its follow-ups are handled."""
        deadline = time.monotonic() + seconds
        while self._busy or self._hooks.handled < len(self._hooks.published.sent):
            assert time.monotonic() < deadline and not self.failures, self.failures
            time.sleep(0.002)

    def _run(self, pool: ThreadPoolExecutor) -> None:
        hooks = self._hooks
        while not self._stopped.is_set():
            if hooks.handled == len(hooks.published.sent):
                self._stopped.wait(0.002)
                continue
            topic, envelope = hooks.published.sent[hooks.handled]
            with self._lock:
                self._busy += 1
            hooks.handled += 1
            pool.submit(self._push, topic, envelope)

    def _push(self, topic: str, envelope: Any) -> None:
        try:
            self._hooks.handle(topic, envelope)
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            with self._lock:
                self._busy -= 1
