"""A replacement for Cloud Scheduler: it starts each scheduled operation of the catalog over HTTP, every `seconds`."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request

from shared.runtime import operation

_log = logging.getLogger(__name__)
DEADLINE_SECONDS = 60


def start(port: int, token: str) -> None:
    """Start one daemon thread per schedule; a run that is still under way delays the next one."""
    for entry in operation.catalog().values():
        for trigger in entry.schedules:
            arguments = (entry.name, trigger.seconds, port, token)
            threading.Thread(target=_loop, args=arguments, name=f"schedule-{entry.name}", daemon=True).start()


def _loop(name: str, seconds: float, port: int, token: str) -> None:
    url = f"http://127.0.0.1:{port}/schedule/{name}?token={token}"
    while True:
        time.sleep(seconds)
        try:
            request = urllib.request.Request(url, data=b"", method="POST")
            urllib.request.urlopen(request, timeout=DEADLINE_SECONDS).close()
        except OSError as error:
            _log.warning("a scheduled run failed", extra={"schedule": name, "error": type(error).__name__})
