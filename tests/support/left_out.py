"""What a run did not run, and why: one sentence each, for the last line of `make test`.

`make test` runs pytest several times; each run leaves its sentences in files below `.run`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from emulators.toolkit import ROOT

NOT_RUN = ROOT / ".run" / "not-run"  # `make test` also takes from it which files need the emulators
SKIPPED = ROOT / ".run" / "skipped"


def without_emulators(names: Iterable[str]) -> str:
    """The sentence about the tests with these ids, which need the emulators."""
    listed = list(names)
    files = ", ".join(sorted({name.partition("::")[0] for name in listed}))
    return f"not run: {len(listed)} tests that need the emulators (STORE=emulator), of {files}"


def skipped(store: str, reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> str:
    """The sentence about skipped tests, with the number of each reason; empty if none was skipped."""
    reasons = Counter(_reason(report) for report in reports)
    listed = ", ".join(f"{count} × {reason}" for reason, count in sorted(reasons.items()))
    return f"skipped on the {store} store: {reasons.total()} ({listed})" if reasons else ""


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(said.removeprefix("Skipped: ").split())


def tell(without: str, skips: str) -> None:
    """Keep the sentences for `make test`, which removes the files first."""
    NOT_RUN.parent.mkdir(exist_ok=True)
    if without and not NOT_RUN.exists():
        NOT_RUN.write_text(f"{without}\n", encoding="utf-8")
    if skips:
        with SKIPPED.open("a", encoding="utf-8") as kept:
            kept.write(f"{skips}\n")
