"""Logs as one JSON object per line with Cloud Logging's fields and the request's ids."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from shared.context import current_or_none

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Fields given with `extra=` become top-level keys; exceptions are one `exception` field."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = current_or_none()
        if context is not None:
            entry["operation"] = context.operation
            entry["request_id"] = context.request_id
            if context.traceparent:
                project = os.environ.get("GOOGLE_CLOUD_PROJECT", "")
                trace, span = context.traceparent.split("-")[1:3]
                entry["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace}"
                entry["logging.googleapis.com/spanId"] = span
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure() -> None:
    """Send all logs to standard output as JSON; libraries at WARNING, ours at LOG_LEVEL (INFO)."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("functions", "shared", "schemas", "emulators"):
        logging.getLogger(name).setLevel(os.environ.get("LOG_LEVEL", "INFO"))
