"""Log lines have Cloud Logging's fields, and the single line of a run has its costs."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from shared.runtime.context import Context, Telemetry, deadline_in, running
from shared.telemetry import logs

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    return Context("claim_order", "req_1", deadline_in(1), telemetry=Telemetry(f"00-{TRACE}-{SPAN}-01"))


def line(record: logging.LogRecord) -> dict[str, Any]:
    text = logs.JsonFormatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_within_a_run_is_found_by_its_trace(run: Context) -> None:
    with running(run):
        found = line(
            logging.makeLogRecord(
                {"name": "x", "levelname": "INFO", "levelno": 20, "msg": "a\nb", "order": "o"}
            )
        )
    assert found["severity"] == "INFO"
    assert found["logging.googleapis.com/trace"] == f"projects/acme/traces/{TRACE}"
    assert found["logging.googleapis.com/spanId"] == SPAN
    assert found["logging.googleapis.com/trace_sampled"] is True
    assert found["logging.googleapis.com/labels"] == {"operation": "claim_order"}
    assert (found["operation"], found["request_id"], found["order"]) == ("claim_order", "req_1", "o")
    assert "logging.googleapis.com/sourceLocation" not in found


def test_an_error_says_where_it_happened() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "a.py", 7, "failed", (), sys.exc_info(), "f")
    found = line(record)
    assert found["logging.googleapis.com/sourceLocation"] == {"file": "a.py", "line": "7", "function": "f"}
    assert found["exception"].endswith("ValueError: no")
    assert "logging.googleapis.com/trace" not in found


def test_the_line_of_a_run_has_the_request_and_no_query(
    run: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared.telemetry")
    run.telemetry.code = "LEASE_LOST"
    with running(run):
        logs.finished(run, "http", 409, "POST", "/api/v1/claims")
        found = line(caplog.records[-1])
    request = found["httpRequest"]
    assert (request["requestMethod"], request["requestUrl"], request["status"]) == (
        "POST",
        "/api/v1/claims",
        409,
    )
    assert float(request["latency"].removesuffix("s")) >= 0
    assert (found["code"], found["trigger"], found["principal"]) == ("LEASE_LOST", "http", "anonymous")


def test_of_quick_successes_only_a_share_is_written(
    run: Context, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_SUCCESSES", "0.1")
    caplog.set_level(logging.INFO, "shared.telemetry.logs")
    for number in range(1_000):
        run.telemetry.started = time.monotonic()
        logs.finished(replace(run, request_id=f"req_{number}"), "http", 200)
    assert 50 < len(caplog.records) < 150
    caplog.clear()
    for number in range(100):
        logs.finished(replace(run, request_id=f"req_{number}"), "http", 409)
        begun = replace(run.telemetry, started=time.monotonic() - 2)
        logs.finished(replace(run, request_id=f"req_{number}", telemetry=begun), "http", 200)
    assert len(caplog.records) == 200, "what failed and what was slow"
    monkeypatch.setenv("LOG_SUCCESSES", "0")
    caplog.clear()
    logs.finished(run, "http", 200)
    assert not caplog.records


@pytest.mark.parametrize("share", ["2", "-1", "some"])
def test_a_share_that_is_none_is_refused(share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_SUCCESSES", share)
    with pytest.raises(ValueError):
        logs.configure()
