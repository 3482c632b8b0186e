"""A circuit breaker for calls to Firestore, which nothing may wait for: the caller goes on without an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from shared.telemetry import tracing

_log = logging.getLogger(__name__)


class Breaker:
    """A breaker that opens after `limit` failures in a row, and then lets one probe through every `pause` seconds.

    `failure` is the log's text for a failed call."""

    def __init__(self, failure: str, limit: int = 5, pause: float = 5.0) -> None:
        self._failure = failure
        self._limit, self._pause = limit, pause
        self._failures, self._until = 0, 0.0
        self._lock = threading.Lock()

    def call(self, action: Callable[[], Any]) -> Any:
        """The result of the action; None if it fails or the breaker is open."""
        with self._lock:
            if self._failures >= self._limit:
                if time.monotonic() < self._until:
                    return None
                self._until = time.monotonic() + self._pause
        try:
            with tracing.span("firestore"):
                answer = action()
        except Exception as error:
            with self._lock:
                self._failures += 1
                self._until = time.monotonic() + self._pause
            _log.warning(self._failure, extra={"error": type(error).__name__})
            return None
        with self._lock:
            self._failures = 0
        return answer
