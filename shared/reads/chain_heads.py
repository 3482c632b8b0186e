"""The newest height of each chain, shared by all callers. This process asks each chain at most once every few
seconds."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Health
from shared.domain.errors import Refusal

SECONDS = 5.0  # lifetime of an answer
MAX_WAIT_SECONDS = 1.5  # seconds that a request waits for a chain
LATE_BLOCKS = 20  # block times without a block after which a chain is late, but at least LATE_SECONDS
LATE_SECONDS = 60.0
Head = tuple[Health, int | None]


class Heads:
    """The answers that this process remembers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="heads")
        self.requests: dict[str, tuple[float, Future[Head]]] = {}


def of(names: Iterable[str]) -> dict[str, Head]:
    """The heads by chain; a chain that does not answer soon is unavailable."""
    waits = {name: _requested(name) for name in names}
    until = time.monotonic() + MAX_WAIT_SECONDS
    return {name: _answer_until(wait, until) for name, wait in waits.items()}


def _requested(name: str) -> Future[Head]:
    heads, now = resources.memory(Heads), time.monotonic()
    with heads.lock:
        known = heads.requests.get(name)
        if known is None or (known[1].done() and now - known[0] > SECONDS):
            ask = contextvars.copy_context().run
            known = heads.requests[name] = (now, heads.threads.submit(ask, _head, name))
        return known[1]


def _answer_until(wait: Future[Head], until: float) -> Head:
    try:
        return wait.result(max(0.0, until - time.monotonic()))
    except TooLate:
        return "unavailable", None


def _head(name: str) -> Head:
    try:
        client = resources.chain(name)
        block = client.head()
    except (ChainError, Refusal):
        return "unavailable", None
    late = max(LATE_SECONDS, LATE_BLOCKS * client.spec.block_seconds)
    age = resources.clock().now().timestamp() - block.timestamp
    return ("behind" if age > late else "ok"), block.number
