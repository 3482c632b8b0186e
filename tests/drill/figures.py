"""Compute the drill's figures from the results of all attempts on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from emulators.regions.topology import READING
from tests.drill.device import Attempt

FAILED = (0, 500, 502, 503, 504)
TOLERATED = 0.01  # of a second's attempts: with more failures, the outage is not over
KINDS = ("read", "strong", "list", "write")


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """The figures of one phase. `recovered`: seconds from its beginning to the end of the last second with errors."""

    name: str
    broken: bool
    begun: float
    ended: float
    requests: int
    failed: int
    recovered: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / (self.ended - self.begun)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of answered attempts of people near a region, in phases without a fault."""

    door: str
    kind: str
    count: int
    p50: float
    p99: float


def phase(name: str, broken: bool, begun: float, ended: float, attempts: Sequence[Attempt]) -> PhaseFigures:
    """The figures of the attempts that began within these seconds."""
    own = [one for one in attempts if begun <= one.at < ended and one.kind in KINDS]
    failed = [one for one in own if one.status in FAILED]
    bad = [second for second, _, share in by_second(own, begun, ended) if share > TOLERATED]
    recovered = bad[-1] + 1 - begun if bad else 0.0
    good = [one.seconds for one in own if one.status not in FAILED]
    return PhaseFigures(
        name,
        broken,
        begun,
        ended,
        len(own),
        len(failed),
        recovered,
        *(1000 * quantile(good, q) for q in (0.5, 0.99)),
    )


def latencies(attempts: Sequence[Attempt], calm: Sequence[tuple[float, float]]) -> list[Latency]:
    found = []
    for door in READING:
        for kind in KINDS:
            times = [
                1000 * one.seconds
                for one in attempts
                if one.door == door and one.kind == kind and one.status not in FAILED
                and any(begun <= one.at < ended for begun, ended in calm)
            ]  # fmt: skip
            if times:
                found.append(Latency(door, kind, len(times), quantile(times, 0.5), quantile(times, 0.99)))
    return found


def by_second(attempts: Sequence[Attempt], begun: float, ended: float) -> list[tuple[float, int, float]]:
    """For every second: (second, attempts that ended in it or began in it and failed, share of failures)."""
    found = []
    second = begun
    while second < ended:
        own = [one.status in FAILED for one in attempts if second <= one.at < second + 1]
        found.append((second, len(own), sum(own) / len(own) if own else 0.0))
        second += 1
    return found


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def plain(phases: Sequence[PhaseFigures], every: Sequence[Latency]) -> dict[str, object]:
    """Convert to JSON values."""
    return {
        "phases": [asdict(one) | {"rate": one.rate} for one in phases],
        "latencies": [asdict(one) for one in every],
    }
