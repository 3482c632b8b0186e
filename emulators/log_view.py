"""Show the gateway's log where `make run` was started: readable in a terminal, JSON in a pipe.

A terminal does not show successful runs of schedules, several a second; they are in the file.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from shared.telemetry import logs, readable

LOOK_SECONDS: Final = 0.1


@contextmanager
def following(log: Path, output: TextIO | None = None) -> Iterator[None]:
    """Show new lines of the log while the block runs. Raises ValueError for a wrong LOG_FORMAT."""
    target = sys.stdout if output is None else output
    as_text, colour = logs.as_text(target), logs.in_colour(target)
    ended = threading.Event()
    lines = log.open(errors="replace")
    lines.seek(0, 2)  # before the block begins, so that all its lines are shown

    def show() -> None:
        with lines:
            part = ""
            while not ended.wait(LOOK_SECONDS):
                for line in lines:
                    part += line
                    if part.endswith("\n"):
                        if text := shown(part, colour) if as_text else part.rstrip("\n"):
                            print(text, file=target, flush=True)
                        part = ""

    thread = threading.Thread(target=show, name="log view", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def shown(line: str, colour: bool) -> str:
    """A line of the log for a terminal; empty if it is left out. A line that is not a log entry stays unchanged."""
    try:
        entry = json.loads(line)
        return "" if _of_schedule(entry) else readable.line(entry, colour)
    except (ValueError, KeyError, TypeError, AttributeError):
        return line.rstrip("\n")


def _of_schedule(entry: dict[str, Any]) -> bool:
    if entry["severity"] != "INFO":
        return False
    if entry["message"] == "backlog":
        return True
    return entry.get("trigger") == "schedule" and int(entry["httpRequest"]["status"]) < 400
