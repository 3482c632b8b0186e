"""The drill detects lost, doubled, stale and inexplicable results; its figures match the attempts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from emulators import toolkit
from tests.drill import figures, report
from tests.drill.device import Answer, Attempt
from tests.drill.history import READ_SECONDS, History, Known
from tests.model.claims import ClaimCall
from tests.model.linearizability import Call

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int, begun: float, version: int | None = None) -> Answer:
    return Answer(status, {}, version, begun, begun + 0.5, NOW, NOW)


def test_a_read_older_than_promised_is_found() -> None:
    history = History()
    history.knows("/orders/1", answer(200, 0.0, 2))
    history.saw("/orders/1", answer(200, READ_SECONDS, 1))
    assert not history.stale and history.oldest == READ_SECONDS - 0.5
    history.saw("/orders/1", answer(200, READ_SECONDS + 1, 1))
    assert len(history.stale) == 1


def test_a_read_older_than_min_version_is_found() -> None:
    history = History()
    history.saw("/orders/1", answer(200, 0.0, 1), least=2)
    assert len(history.behind) == 1


def test_a_reservation_that_is_lost_or_doubled_is_found() -> None:
    """40 exist; 30 and 20 cannot both be reserved; after 30, ten are left."""
    history = History()
    history.reserved(1, "place", 30, answer(201, 0.0))
    history.reserved(1, "read", 10, answer(200, 1.0))
    assert not history.impossible(40)
    history.reserved(1, "place", 20, answer(201, 2.0))
    assert history.impossible(40) == ["supply of shopper 1"]
    lost = History()
    lost.reserved(1, "place", 30, answer(201, 0.0))
    lost.reserved(1, "read", 40, answer(200, 1.0))
    assert lost.impossible(40)


def test_an_order_that_two_hold_is_found() -> None:
    known = Known("ord_1", 1, 5)
    history = History(orders={"ord_1": known})
    for number in (1, 2):
        call = ClaimCall(
            "claim",
            f"u{number}",
            None,
            None,
            NOW,
            NOW,
            201,
            None,
            f"c{number}",
            number,
            NOW.replace(year=2027),
        )
        known.calls.append(Call(number, number + 0.5, call))
    assert history.impossible(40) == ["ord_1"]


def attempts() -> list[Attempt]:
    """Ten seconds with ten attempts each; all fail from the third to the fifth."""
    return [
        Attempt(second + part / 10, 0.02 * (part + 1), "us-central1", "read", 503 if 3 <= second < 5 else 200)
        for second in range(10)
        for part in range(10)
    ]


def test_figures_are_of_what_happened() -> None:
    found = figures.phase("lost", True, 0.0, 10.0, attempts())
    assert (found.requests, found.failed, found.recovered, found.rate) == (100, 20, 5.0, 10.0)
    assert found.p50 == 120 and found.p99 == 200
    (latency,) = figures.latencies(attempts(), [(0.0, 3.0)])
    assert (latency.count, latency.kind) == (30, "read")


def test_the_report_and_its_chart_can_be_read() -> None:
    found = figures.phase("a < b", True, 0.0, 10.0, attempts())
    text = report.markdown(["head"], [found], [], {"writes lost": ["one"]})
    assert "| **a < b** | 10 | 20 (20.00%) | 5 s |" in text and "| writes lost | 1 |" in text
    chart = ET.fromstring(report.svg([found], attempts()))  # noqa: S314 - our own
    assert len(chart.findall("{http://www.w3.org/2000/svg}polyline")) == 2


def test_the_report_goes_between_its_marks_as_often_as_it_is_made() -> None:
    page = (toolkit.ROOT / "docs" / "regions.md").read_text(encoding="utf-8")
    once = report.put_in(page, "one")
    twice = report.put_in(once, "two")
    assert "\none\n" in once
    assert "\ntwo\n" in twice and "\none\n" not in twice
    assert twice.split(report.BEGIN)[0] == page.split(report.BEGIN)[0]
    with pytest.raises(ValueError):
        report.put_in("# A page", "one")
