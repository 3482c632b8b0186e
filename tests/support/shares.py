"""Which files a share of a long run has, and which of them go first, by the seconds that each has taken.

`tests/seconds.json` holds them for each store, of the files that take longer than the others; `--keep-seconds` notes
anew those of the files that it runs. They decide about order and balance alone: what runs is the same with any.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulators.toolkit import ROOT

NOTED = ROOT / "tests" / "seconds.json"
LEAST = 2.0  # seconds: what is not noted takes less


def seconds(store: str, noted: Path = NOTED) -> dict[str, float]:
    """Of the slow files, by their paths in the repository."""
    found: dict[str, dict[str, float]] = json.loads(noted.read_text()) if noted.exists() else {}
    return found.get(store, {})


def files(paths: Iterable[Path]) -> list[str]:
    """The test files below these paths, in the repository's order."""
    found: set[Path] = set()
    for path in paths:
        found |= set(path.rglob("test_*.py")) if path.is_dir() else {path}
    return sorted(path.relative_to(ROOT).as_posix() for path in found if path.is_relative_to(ROOT))


def share_of(names: Iterable[str], weights: Mapping[str, float], number: int, shares: int) -> set[str]:
    """The files of share `number`, counted from 1: each file, the slow ones first, goes where there is least so far."""
    loads, counts = [0.0] * shares, [0] * shares
    mine: set[str] = set()
    for name in slow_first(names, weights):
        chosen = min(range(shares), key=lambda one: (loads[one], counts[one]))
        loads[chosen] += weights.get(name, LEAST / 4)
        counts[chosen] += 1
        if chosen == number - 1:
            mine.add(name)
    return mine


def slow_first(names: Iterable[str], weights: Mapping[str, float]) -> list[str]:
    """Those that take longest first, so that no worker is left with one when the others have ended."""
    return sorted(names, key=lambda name: (-weights.get(name, 0.0), name))


def taken(reports: Iterable[Any]) -> dict[str, float]:
    """How long the tests of each file took, with what they set up."""
    found: Counter[str] = Counter()
    for report in reports:
        if hasattr(report, "duration"):
            found[report.nodeid.partition("::")[0]] += report.duration
    return dict(found)


def keep(store: str, measured: Mapping[str, float], noted: Path = NOTED) -> None:
    """Note what these files have taken, and forget files that are gone."""
    everything: dict[str, dict[str, float]] = json.loads(noted.read_text()) if noted.exists() else {}
    merged = everything.get(store, {}) | measured
    everything[store] = {
        name: round(value, 1)
        for name, value in sorted(merged.items())
        if value >= LEAST and (ROOT / name).exists()
    }
    noted.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
