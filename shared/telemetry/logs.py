"""Logs as one JSON object per line with Cloud Logging's fields, and one line and metrics per run.

In a terminal of a local run, lines are for people (`readable.py`); LOG_FORMAT=json or text overrides this. Fields:
https://cloud.google.com/logging/docs/structured-logging
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from shared.runtime.context import Context, current_or_none
from shared.telemetry import metrics

Trigger = Literal["http", "message", "schedule"]
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CLOUD = "logging.googleapis.com/"
SLOW_SECONDS = 1.0
_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats an entry as JSON: fields given with `extra=` become top-level keys; an exception is one `exception`
    field."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.entry(record), default=str)

    def entry(self, record: logging.LogRecord) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = current_or_none()
        if context is not None:
            entry |= _of_run(context)
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.levelno >= logging.ERROR:
            entry[_CLOUD + "sourceLocation"] = {
                "file": record.pathname,
                "line": str(record.lineno),
                "function": record.funcName,
            }
        return entry


class TextFormatter(JsonFormatter):
    """Formats the same entries as lines for people."""

    def __init__(self, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        from shared.telemetry import readable

        return readable.line(self.entry(record), self._colour)


def as_text(output: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    """Whether to write lines for people: in a terminal, or if LOG_FORMAT says so; never in a deployment.

    Raises ValueError for a LOG_FORMAT other than json and text."""
    chosen = env.get("LOG_FORMAT", "")
    if chosen not in ("", "json", "text"):
        raise ValueError("the environment variable LOG_FORMAT must be json or text")
    if env.get("ENVIRONMENT", "local") != "local":
        return False
    return output.isatty() if not chosen else chosen == "text"


def in_colour(output: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    return output.isatty() and not env.get("NO_COLOR")


def _of_run(context: Context) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "operation": context.operation,
        "request_id": context.request_id,
        _CLOUD + "labels": {"operation": context.operation},
    }
    if context.telemetry.traceparent:
        project = os.environ.get("GOOGLE_CLOUD_PROJECT", "")
        _, trace, span, flags = context.telemetry.traceparent.split("-")
        fields[_CLOUD + "trace"] = f"projects/{project}/traces/{trace}"
        fields[_CLOUD + "spanId"] = span
        fields[_CLOUD + "trace_sampled"] = flags == "01"
    return fields


def configure() -> None:
    """Send all logs to standard output; libraries at WARNING, ours at LOG_LEVEL (INFO). Raises ValueError."""
    if not 0 <= float(os.environ.get("LOG_SUCCESSES", "1")) <= 1:
        raise ValueError("the environment variable LOG_SUCCESSES must be a share from 0 to 1")
    handler = logging.StreamHandler(sys.stdout)
    text = as_text(sys.stdout)
    handler.setFormatter(TextFormatter(in_colour(sys.stdout)) if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("functions", "shared", "schemas", "emulators"):
        logging.getLogger(name).setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def _kept(request_id: str) -> bool:
    """Whether to write the line of a quick success: a share of LOG_SUCCESSES, chosen by the request's id."""
    share = os.environ.get("LOG_SUCCESSES", "1")
    return share == "1" or zlib.crc32(request_id.encode()) < float(share) * 2**32


def finished(context: Context, trigger: Trigger, status: int, method: str = "POST", path: str = "") -> None:
    """Count a finished run and write its line; of quick successes, only some lines are written.

    `path` must not include the query, which may contain private data."""
    seconds = time.monotonic() - context.telemetry.started
    metrics.RUNS.add(operation=context.operation, trigger=trigger, status=str(status))
    metrics.RUN_SECONDS.record(seconds, operation=context.operation, trigger=trigger)
    if context.telemetry.code:
        metrics.REFUSALS.add(operation=context.operation, code=context.telemetry.code)
    if status < 400 and seconds < SLOW_SECONDS and not _kept(context.request_id):
        return
    _log.info(
        "served",
        extra={
            "httpRequest": {
                "requestMethod": method,
                "requestUrl": path or f"/{trigger}/{context.operation}",
                "status": status,
                "latency": f"{seconds:.6f}s",
            },
            "trigger": trigger,
            "code": context.telemetry.code,
            "principal": context.principal,
            "calls": len(context.telemetry.calls),
        },
    )
