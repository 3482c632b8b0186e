"""In a terminal the log entries are lines for people; in a pipe and in a deployment they are JSON."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from emulators import log_view
from emulators.client import wait_for
from shared.runtime.context import Context, deadline_in, running
from shared.telemetry import logs, readable

SERVED: dict[str, Any] = {
    "severity": "INFO",
    "time": "2026-01-02T03:04:05.678+00:00",
    "logger": "shared.telemetry.logs",
    "message": "served",
    "operation": "claim_order",
    "request_id": "req_1",
    "logging.googleapis.com/trace": "projects/p/traces/t",
    "httpRequest": {
        "requestMethod": "POST",
        "requestUrl": "/api/v1/claims",
        "status": 409,
        "latency": "0.0123s",
    },
    "trigger": "http",
    "code": "ORDER_ALREADY_CLAIMED",
    "principal": "usr_1",
    "calls": 3,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_request_is_one_line_with_its_fields_and_the_ids_last() -> None:
    text = readable.line(SERVED)
    time_of_day, _, rest = text.partition(" ")
    assert time_of_day.endswith(":04:05.678")
    assert rest.split() == [
        *("INFO", "claim_order", "POST", "/api/v1/claims", "409", "12.3", "ms"),
        *("trigger=http", "code=ORDER_ALREADY_CLAIMED", "calls=3", "usr_1", "req_1"),
    ]


def test_what_a_line_says_and_an_exception_are_shown_whole() -> None:
    record = logging.LogRecord(
        "shared.writes.relay", logging.WARNING, "a.py", 7, "not sent: %s", ("x",), None
    )
    record.events = 3
    record.nothing = None
    with running(Context("sweep_outbox", "req_2", deadline_in(1))):
        text = logs.TextFormatter(colour=True).format(record)
    assert "sweep_outbox" in text and "not sent: x" in text and "events=3" in text and "nothing" not in text
    assert "\033[33mWARNING\033[0m" in text
    failed = SERVED | {"severity": "ERROR", "exception": "Traceback\n  ValueError: no"}
    assert readable.line(failed).splitlines()[1:] == ["Traceback", "  ValueError: no"]
    assert "\033" not in readable.line(failed)


@pytest.mark.parametrize(
    ("output", "env", "text"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"LOG_FORMAT": "json"}, False),
        (io.StringIO(), {"LOG_FORMAT": "text"}, True),
        (Terminal(), {"ENVIRONMENT": "prod"}, False),
        (io.StringIO(), {"ENVIRONMENT": "prod", "LOG_FORMAT": "text"}, False),
    ],
)
def test_the_log_format_follows_the_output(output: io.StringIO, env: dict[str, str], text: bool) -> None:
    assert logs.as_text(output, env) is text


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT must be json or text"):
        logs.as_text(io.StringIO(), {"LOG_FORMAT": "xml"})


def test_colours_are_for_terminals_that_want_them() -> None:
    assert logs.in_colour(Terminal(), {})
    assert not logs.in_colour(Terminal(), {"NO_COLOR": "1"})
    assert not logs.in_colour(io.StringIO(), {})


def test_the_gateways_log_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal without the successful schedules, in a pipe unchanged."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    log = tmp_path / "gateway.log"
    log.write_text("from before\n")
    well = SERVED | {"trigger": "schedule", "operation": "tick_chain"}
    well |= {"httpRequest": SERVED["httpRequest"] | {"status": 204}}
    badly = well | {"severity": "WARNING", "operation": "fire_timers"}
    written = (
        "".join(f"{json.dumps(entry)}\n" for entry in (well, badly, SERVED)) + "Traceback of a library\n"
    )
    terminal, pipe = Terminal(), io.StringIO()
    with log_view.following(log, terminal), log_view.following(log, pipe):
        with log.open("a") as end:
            half = written.index("claim_order")  # in the middle of the third line
            end.write(written[:half])
            end.flush()
            wait_for(
                "two lines",
                lambda: "fire_timers" in terminal.getvalue() and "fire_timers" in pipe.getvalue(),
                20.0,
            )
            end.write(written[half:])
        wait_for("the lines", lambda: "library" in terminal.getvalue() and "library" in pipe.getvalue(), 20.0)
    assert pipe.getvalue() == written
    shown = terminal.getvalue().splitlines()
    assert [line.split()[2] for line in shown] == ["fire_timers", "claim_order", "a"]
