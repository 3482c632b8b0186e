"""The base of every benchmark: the product in this process over its own emulators, compared with bare calls.

Emulators slow down with every call, and machines differ. Therefore a limit is always a ratio of two times that are
measured in turns in one run. Only the work of a server is timed: requests are prepared before.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emulators.stack import Stack
from shared import resources
from shared.adapters.pubsub import PubSubPublisher
from shared.triggers import entrypoint
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming
from tests.support.bench_record import Chart, Figure, Point, median, quartiles
from tests.support.inprocess import App

Ready = Callable[[], Any]  # the measured call
WARM = 20  # untimed rounds before the measurement
PROGRESS_SECONDS = 5.0  # between two lines of progress


class RecordingPublisher(PubSubPublisher):
    """The real publisher. It remembers its messages, so that a benchmark can deliver them."""

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.failing = False

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Any:
        self.sent.append((topic, envelope))
        return super().publish(topic, envelope)


@dataclass
class Bench:
    """Measures times, prints them, and keeps them for the record."""

    app: App = None  # type: ignore[assignment]  # set if a benchmark needs the product
    published: RecordingPublisher = None  # type: ignore[assignment]
    missed: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    charts: dict[str, Chart] = field(default_factory=dict)
    told: float = field(default_factory=time.monotonic)  # time of the last line of progress

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Callable[[], Reply]:
        """Prepare a request with its token and body; calling the result does what a function's instance does."""
        sent = {"content-type": "application/json", "authorization": f"Bearer {self.app.token(user)}"}
        full = f"/api/v1{path}"
        found = self.app.router.find(method, full)
        assert found is not None, path
        data = b"" if body is None else json.dumps(body).encode()
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        asked = {name: [value] for name, value in (query or {}).items()}
        incoming = Incoming(method, full, sent, asked, data)
        return lambda: entrypoint.answer(found, incoming)

    def ratio(
        self,
        what: str,
        ours: Callable[[int], Ready],
        bare: Callable[[int], Ready],
        *,
        than: str = "bare",
        rounds: int,
        most: float,
        goal: float | None = None,
    ) -> float:
        """Compare our median with the bare calls' median. `ours(n)` and `bare(n)` prepare round n untimed; the
        callables that they return run in turns under the clock. `than` names the other side of the comparison."""
        times: dict[str, list[float]] = {"ours": [], "bare": []}
        for number in range(rounds + WARM):
            pair = [("ours", ours(number)), ("bare", bare(number))]
            for name, call in pair if number % 2 else reversed(pair):
                took = timed(call)
                if number >= WARM:
                    times[name].append(took * 1e3)
            self.progress(what, number + 1, rounds + WARM)
        mine, floor = median(what, times["ours"], "ms"), quartiles(times["bare"])[1]
        found = replace(mine, than=than, beside=floor, ratio=mine.value / floor, most=most, goal=goal)
        self.keep(found, f"{what}: {mine.value:.2f} ms, {than} {floor:.2f} ms")
        return mine.value / floor

    def limit(self, what: str, value: float, most: float, goal: float | None = None) -> None:
        """Print a ratio and its maximum."""
        self.keep(Figure(what, value, "×", ratio=value, most=most, goal=goal), what)

    def figure(self, what: str, value: float, unit: str) -> None:
        """Print a figure without a limit, because it depends as much on the machine."""
        self.keep(Figure(what, value, unit))

    def median(self, what: str, values: Sequence[float], unit: str) -> None:
        """Print the median of several values, with the quartiles."""
        self.keep(median(what, values, unit))

    def compared(
        self,
        what: str,
        ours: Sequence[float],
        beside: Sequence[float],
        *,
        than: str,
        unit: str,
        most: float | None = None,
        goal: float | None = None,
    ) -> None:
        """Print the median of some values beside the median of others, and the maximum of their ratio."""
        mine, floor = median(what, ours, unit), quartiles(beside)[1]
        found = replace(mine, than=than, beside=floor, ratio=mine.value / floor, most=most, goal=goal)
        self.keep(found, f"{what}: {mine.value:,.4g} {unit}, {than} {floor:,.4g} {unit}")

    def point(self, chart: Chart, line: str, x: float, values: Sequence[float]) -> None:
        """Add a point at `x` to a line of the chart."""
        known = self.charts.get(chart.name, chart)
        low, middle, high = quartiles(values)
        lines = {**known.lines, line: (*known.lines.get(line, ()), Point(x, middle, low, high))}
        self.charts[chart.name] = replace(known, lines=lines)

    def progress(self, what: str, done: int, of: int) -> None:
        """Print from time to time how far a benchmark is."""
        if time.monotonic() - self.told >= PROGRESS_SECONDS:
            self.told = time.monotonic()
            sys.stderr.write(f"    … {what}: {done:,} of {of:,}\n")

    def keep(self, found: Figure, said: str = "") -> None:
        """Keep a figure, and print it as `said`."""
        said = said or f"{found.what}: {found.value:,.4g} {found.unit}"
        self.figures.append(found)
        if found.ratio is None:
            spread = "" if found.low is None else f" ({found.low:,.4g} to {found.high:,.4g})"
            print(f"  {said}{spread}", flush=True)
            return
        aim = "" if found.goal is None else f", goal {found.goal:g}"
        line = f"{said}: {found.ratio:.2f} ×" + (f" (at most {found.most:g}{aim})" if found.most else "")
        print(f"  {line}", flush=True)
        if found.missed:
            self.missed.append(line)


def timed(call: Ready) -> float:
    """Measure seconds, with the garbage collector off."""
    gc.disable()
    try:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    finally:
        gc.enable()


@contextmanager
def product(name: str) -> Iterator[Bench]:
    """Start the product over fresh emulators and a node; os.environ holds their addresses."""
    temporary = tempfile.TemporaryDirectory(prefix=f"bench-{name}-")
    with temporary as folder, Stack.start(Path(folder) / "logs") as stack:
        os.environ.update(stack.env)
        with _in_this_process(folder) as bench:
            yield bench


@contextmanager
def _in_this_process(folder: str) -> Iterator[Bench]:
    from google.api_core.exceptions import AlreadyExists
    from google.cloud import spanner
    from google.cloud.pubsub_v1 import PublisherClient

    from emulators.topics import topic_names
    from schemas.database import migrate
    from shared.settings import load
    from shared.store.spanner.database import connect

    settings = replace(load(), state_dir=folder, push_token="push-token", cache_database="(default)")
    client = spanner.Client(project=settings.project, disable_builtin_metrics=True)
    migrate.fresh(client, settings.spanner_instance, "bench")
    publisher = PublisherClient()
    for topic in topic_names():
        with suppress(AlreadyExists):
            publisher.create_topic(name=publisher.topic_path(settings.project, topic))
    database = connect(settings.project, settings.spanner_instance, "bench")
    publisher = RecordingPublisher(settings.project)
    with resources.override(fresh=True, settings=settings, database=database, publisher=publisher):
        yield Bench(App(), publisher)
