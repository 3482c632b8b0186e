"""The record of benchmarks: a section replaces its own run; page, charts and README's table follow from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from emulators.toolkit import ROOT
from tests.bench.__main__ import PARTS
from tests.support import bench_page, bench_record, plot
from tests.support.bench import Bench
from tests.support.bench_record import Chart, Section

CHART = Chart("rows", "Time by rows", "rows", "ms", {})


def measured() -> Bench:
    bench = Bench()
    bench.compared("place order", [2.0, 3.0, 4.0], [2.0], than="bare", unit="ms", most=1.4, goal=1.25)
    bench.median("cached GET", [1.23456, 1.23456], "ms")
    bench.limit("memory", 0.5, 1.0)
    for rows, taken in ((1_000, [1.0, 1.5, 2.0]), (1_000_000, [2.0, 2.5, 0.0])):
        bench.point(CHART, "a list", rows, taken)
    return bench


def section(bench: Bench) -> Section:
    return Section(
        "desk", "hot requests", "2026-01-02", "abc1234", "a machine", (0.2, 1.4), "emulator", {"ORDERS": "9"}, 61.0,
        tuple(bench.figures), tuple(bench.charts.values()),
    )  # fmt: skip


def test_a_section_replaces_its_own_run_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    found = section(measured())
    bench_record.keep(found, tmp_path)
    bench_record.keep(replace(found, name="index"), tmp_path)
    bench_record.keep(replace(found, date="2026-01-03"), tmp_path)
    kept = bench_record.load(tmp_path)
    assert {name: one.date for name, one in kept.items()} == {"desk": "2026-01-03", "index": "2026-01-02"}
    assert kept["desk"].figures[1].value == 1.235  # noise is dropped
    assert kept["desk"].charts[0].lines["a list"] == found.charts[0].lines["a list"]


def test_what_is_too_slow_is_missed_and_stands_out() -> None:
    bench = measured()
    assert [line.partition(":")[0] for line in bench.missed] == ["place order"]
    page = bench_page.page([section(bench)])
    assert "| place order | 3 ms (2.5 to 3.5) | bare: 2 ms | **1.50** | 1.4 (goal 1.25) |" in page
    assert "| cached GET | 1.23 ms (1.23 to 1.23) |  |  |  |" in page
    assert "store emulator, `ORDERS=9`; a machine; load 0.2 before, 1.4 after" in page
    assert "![Time by rows](images/bench-desk-rows.svg)" in page
    table = bench_page.headlines({"desk": section(bench)})
    assert "| hot requests | cached GET |" in table
    assert "|  | place order |" in table


def test_a_chart_is_drawn_within_its_frame() -> None:
    chart = measured().charts["rows"]
    drawn = ElementTree.fromstring(plot.svg(chart))  # noqa: S314 - our own
    circles = [one for one in drawn if one.tag.endswith("circle")]
    places = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in circles]
    assert [x for x, _ in places] == [plot.LEFT, plot.WIDTH - plot.RIGHT]
    assert all(plot.TOP <= y <= plot.HEIGHT - plot.BOTTOM for _, y in places)


def test_each_benchmark_is_registered() -> None:
    there = {path.stem for path in (ROOT / "tests" / "bench").glob("[a-z]*.py")}
    assert there == set(PARTS)


def test_the_pages_are_what_the_record_says() -> None:
    """`make bench` writes them."""
    for path, text in bench_page.pages(bench_record.load()).items():
        assert path.read_text() == text, path
