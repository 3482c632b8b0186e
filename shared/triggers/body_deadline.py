"""End requests whose body does not come. On a server with threads, each of them holds one, and nobody is authenticated
before: as many idle connections as there are threads would stop an instance."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RD, socket
from typing import Final

BODY_SECONDS: Final = 20.0  # within which a body must come
PRECISION: Final = 1.0  # seconds between two looks


class BodyDeadlines:
    """Watches the connections from which bodies are read, with one thread."""

    def __init__(self, seconds: float = BODY_SECONDS, precision: float = PRECISION) -> None:
        self._seconds, self._precision = seconds, precision
        self._watched: dict[socket, float] = {}
        self._some = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, connection: socket) -> Iterator[None]:
        """Let reads from the connection end at the deadline, as if its client had closed it."""
        with self._some:
            self._watched[connection] = time.monotonic() + self._seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="body-deadlines", daemon=True)
                self._thread.start()
            if len(self._watched) == 1:
                self._some.notify()
        try:
            yield
        finally:
            with self._some:
                self._watched.pop(connection, None)

    def _run(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._watched)
                now = time.monotonic()
                for connection, until in self._watched.items():
                    if until <= now:
                        with suppress(OSError):  # the client has left
                            connection.shutdown(SHUT_RD)
            time.sleep(self._precision)
