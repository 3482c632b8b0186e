"""Push the messages of the embedded queue to its subscriptions, like Pub/Sub: over HTTP, until they are acknowledged.

Of the processes that share a queue, the one that holds the file lock delivers; the others wait until it ends. The
gateway starts the deliverer as a thread.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from emulators import file_lock
from shared.adapters.message_queue import Delivery, MessageQueue

THREADS: Final = 16
ACKNOWLEDGE_SECONDS: Final = 60.0  # like the subscriptions in production
# Between looks that find nothing. After a second without messages it looks more rarely: looking was half of the
# processor time of an idle product.
IDLE_SECONDS: Final = 0.01
QUIET_SECONDS: Final = 0.05
_log = logging.getLogger(__name__)


class Deliverer:
    """One thread that looks for due messages, and several threads that push them."""

    def __init__(self, queue: MessageQueue, project: str) -> None:
        self._queue = queue
        self._project = project
        self._stopped = threading.Event()
        self._busy: set[tuple[int, str]] = set()  # being pushed, so not to be started again
        self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and return when no push is under way any more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        path = self._queue.file.path
        with path.with_name(path.name + "-deliverer").open("w") as lock:
            while not self._stopped.is_set() and not file_lock.acquired(lock.fileno()):
                self._stopped.wait(0.1)
            with ThreadPoolExecutor(THREADS, thread_name_prefix="push") as pool:
                found = time.monotonic()
                while not self._stopped.is_set():
                    if self._step(pool):
                        found = time.monotonic()
                    else:
                        quiet = time.monotonic() > found + 1.0
                        self._stopped.wait(QUIET_SECONDS if quiet else IDLE_SECONDS)

    def _step(self, pool: ThreadPoolExecutor) -> bool:
        """Start pushes of due messages that are not being pushed yet; return whether there were any."""
        before = set(self._busy)  # a copy: a push that ends during the read must not start again
        try:
            due = self._queue.due(time.time(), len(before) + THREADS)
        except Exception:
            _log.exception("the queue does not answer")
            return False
        new = [delivery for delivery in due if delivery.place not in before][: 2 * THREADS - len(before)]
        for delivery in new:
            self._busy.add(delivery.place)
            pool.submit(self._deliver, delivery)
        return bool(new)

    def _deliver(self, delivery: Delivery) -> None:
        try:
            if _push(delivery, self._project):
                self._queue.taken(delivery)
            else:
                self._queue.failed(delivery, time.time())
        except Exception:
            _log.exception("a delivery is left to be tried again")
        finally:
            self._busy.discard(delivery.place)


def _push(delivery: Delivery, project: str) -> bool:
    """Push a message; return whether the subscriber acknowledged it."""
    parts = urlsplit(delivery.endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ACKNOWLEDGE_SECONDS)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, envelope(delivery, project), headers)
        answer = connection.getresponse()
        answer.read()
        return 200 <= answer.status < 300 or answer.status == 102
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def envelope(delivery: Delivery, project: str) -> bytes:
    """The body of a push request, in the form that the emulator sends."""
    published, identity = datetime.fromtimestamp(delivery.published_at, UTC), str(delivery.message)
    when = published.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {
        "data": base64.b64encode(delivery.data).decode(),
        "attributes": dict(delivery.attributes),
        "messageId": identity,
        "message_id": identity,
        "publishTime": when,
        "publish_time": when,
    }
    subscription = f"projects/{project}/subscriptions/{delivery.subscription}"
    return json.dumps({"subscription": subscription, "message": message}).encode()
