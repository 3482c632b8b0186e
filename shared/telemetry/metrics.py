"""Metrics with Prometheus' conventions. While nobody collects them, recording costs only a comparison of labels.

    REFUSALS = metrics.counter("wallet_refusals_total", "Requests refused, by code.", "operation", "code")
    REFUSALS.add(operation="claim_order", code="LEASE_LOST")

Declare a metric at module level, where it is recorded. A counter's name ends in `_total`, a histogram's in its unit.
Label values come from the code (operations, codes, chains, endpoints' names), never from a request: no ids, no URLs.
`shared/telemetry/export.py` decides who collects them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

PREFIX: Final = "wallet_"
UNITS: Final = {"_seconds": "s", "_bytes": "By", "_ratio": "1"}
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
FRESH_SECONDS: Final = 180.0  # a gauge that was not set for so long is no longer reported

Labels = dict[str, str]
K = TypeVar("K", bound="Instrument")


class Instrument:
    """One metric; safe for threads."""

    kind = ""

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        self.name, self.description = name, description
        self.labels = frozenset(labels)
        self._bound: Callable[..., None] | None = None

    @property
    def unit(self) -> str:
        return next((unit for suffix, unit in UNITS.items() if self.name.endswith(suffix)), "")

    def bind(self, meter: Meter) -> None:
        """Start recording into this meter."""
        raise NotImplementedError

    def unbind(self) -> None:
        """Stop recording."""
        self._bound = None


class Counter(Instrument):
    """A value that only grows."""

    kind = "counter"

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        super().__init__(name, description, labels)
        self._zeros: list[Labels] = []

    def starts_at_zero(self, **labels: str) -> None:
        """Report 0 for these labels before the first `add`. An increase is measured between two reports, so a query for
        a single rare event would otherwise not see the first one of each process."""
        assert labels.keys() == self.labels, f"{self.name} has the labels {sorted(self.labels)}"
        self._zeros.append(labels)

    def add(self, amount: int = 1, /, **labels: str) -> None:
        assert labels.keys() == self.labels, f"{self.name} has the labels {sorted(self.labels)}"
        if self._bound is not None:
            self._bound(amount, labels)

    def bind(self, meter: Meter) -> None:
        self._bound = meter.create_counter(self.name, description=self.description).add
        for labels in self._zeros:
            self._bound(0, labels)


class Histogram(Instrument):
    """The distribution of values over `buckets`."""

    kind = "histogram"
    buckets: Sequence[float] = SECONDS

    def record(self, value: float, /, **labels: str) -> None:
        assert labels.keys() == self.labels, f"{self.name} has the labels {sorted(self.labels)}"
        if self._bound is not None:
            self._bound(value, labels)

    def bind(self, meter: Meter) -> None:
        self._bound = meter.create_histogram(
            self.name,
            unit=self.unit,
            description=self.description,
            explicit_bucket_boundaries_advisory=list(self.buckets),
        ).record


class Gauge(Instrument):
    """The last value that any instance set; it disappears if it is no longer renewed."""

    kind = "gauge"

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        super().__init__(name, description, labels)
        self._values: dict[tuple[tuple[str, str], ...], tuple[float, float]] = {}

    def set(self, value: float, /, **labels: str) -> None:
        assert labels.keys() == self.labels, f"{self.name} has the labels {sorted(self.labels)}"
        if self._bound is not None:
            self._values[tuple(sorted(labels.items()))] = (value, time.monotonic())

    def fresh(self, now: float) -> list[tuple[float, Labels]]:
        """The values set within FRESH_SECONDS."""
        values = list(self._values.items())
        return [(value, dict(labels)) for labels, (value, at) in values if now - at <= FRESH_SECONDS]

    def bind(self, meter: Meter) -> None:
        meter.create_observable_gauge(
            self.name, [self._observed], unit=self.unit, description=self.description
        )
        self._bound = lambda: None

    def _observed(self, _options: CallbackOptions) -> Iterable[Observation]:
        from opentelemetry.metrics import Observation

        return [Observation(value, labels) for value, labels in self.fresh(time.monotonic())]


class Registry:
    """The metrics that modules declare, and the meter that collects them, at most one per process."""

    def __init__(self) -> None:
        self._instruments: dict[str, Instrument] = {}
        self._meters: list[Meter] = []

    def counter(self, name: str, description: str, *labels: str) -> Counter:
        """Declare a counter. Raises ValueError for a name that breaks the conventions or exists already."""
        return self._declare(Counter(name, description, labels))

    def histogram(
        self, name: str, description: str, *labels: str, buckets: Sequence[float] = SECONDS
    ) -> Histogram:
        """Declare a histogram of seconds, bytes or a ratio."""
        made = Histogram(name, description, labels)
        made.buckets = buckets
        return self._declare(made)

    def gauge(self, name: str, description: str, *labels: str) -> Gauge:
        """Declare a gauge. A scheduled operation sets a gauge that needs reads; collecting never reads."""
        return self._declare(Gauge(name, description, labels))

    def collect(self, meter: Meter) -> None:
        """Let this meter collect all metrics, including later ones."""
        self._meters.append(meter)
        for instrument in list(self._instruments.values()):
            instrument.bind(meter)

    def stop(self) -> None:
        """Stop collecting."""
        self._meters.clear()
        for instrument in self._instruments.values():
            instrument.unbind()

    def declared(self) -> dict[str, Instrument]:
        """Every metric that the loaded modules declare, by name."""
        return dict(self._instruments)

    def _declare(self, instrument: K) -> K:
        name = instrument.name
        right = {
            "counter": name.endswith("_total"),
            "histogram": bool(instrument.unit),
            "gauge": not name.endswith("_total"),
        }
        if not name.startswith(PREFIX) or not right[instrument.kind] or name in self._instruments:
            raise ValueError(f"{name} is no name for a new {instrument.kind}")
        self._instruments[name] = instrument
        for meter in self._meters:
            instrument.bind(meter)
        return instrument


REGISTRY: Final = Registry()
counter, histogram, gauge = REGISTRY.counter, REGISTRY.histogram, REGISTRY.gauge
collect, declared = REGISTRY.collect, REGISTRY.declared

RUNS = counter("wallet_runs_total", "Runs of operations.", "operation", "trigger", "status")
RUN_SECONDS = histogram("wallet_run_seconds", "How long operations take.", "operation", "trigger")
REFUSALS = counter("wallet_refusals_total", "Runs that ended with an error, by code.", "operation", "code")
CACHE_READS = counter(
    "wallet_cache_reads_total", "GETs by id: hit, miss, or bypass (a strong read).", "kind", "outcome"
)
ABORTS = counter("wallet_aborts_total", "Transaction bodies that were run again.", "operation")
SIGNER_DENIALS = counter("wallet_signer_denials_total", "Signatures refused: policy, or key.", "reason")
EVENTS = counter("wallet_events_total", "Committed events.", "type")
for _rare in ("claim.failed", "account.second_factor_refused"):  # alerts count single ones
    EVENTS.starts_at_zero(type=_rare)
