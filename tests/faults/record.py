"""Record the last results of the proofs: docs/proof.json keeps them, docs/proof.md is made from it.

A part that runs replaces its own entry; the other entries stay, with their date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURE = re.compile(r"^[.FE]*(?P<what>[\w ,-]+) \((?P<where>[\w ,-]+), seed (?P<seed>\d+)\): (?P<text>.+)$")
COUNTED = re.compile(r"^=*\s*(?P<counts>\d+ \w+(, \d+ \w+)*) in [\d.]+s")
MOST = 8  # figures of a part on the page


@dataclass(frozen=True, slots=True)
class Figure:
    """A line that `tests.support.proof.figure` printed; `where` is the store, "model" or the other place where it
    ran."""

    what: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a part. `seconds` is wall time, `commit` the commit that was checked out. `tests` counts the passed
    and the skipped tests: a skipped test has shown nothing."""

    part: str
    date: str
    commit: str
    machine: str
    store: str
    seed: str
    sizes: Mapping[str, str]
    seconds: float
    passed: bool
    figures: tuple[Figure, ...]
    tests: str = ""


def counts(lines: Iterable[str]) -> str:
    """The counts of passed and skipped tests in pytest's last line; "" if there is no such line."""
    found = [match["counts"] for line in lines if (match := COUNTED.match(line.rstrip()))]
    kinds = found[-1].split(", ") if found else []
    return ", ".join(one for one in kinds if not one.endswith(("warning", "warnings")))


def figures(lines: Iterable[str]) -> tuple[Figure, ...]:
    """The figures in a part's output."""
    found = (FIGURE.match(line.rstrip()) for line in lines)
    return tuple(Figure(match["what"], match["where"], match["text"]) for match in found if match)


def keep(run: Run, folder: Path = DOCS) -> None:
    """Store the run, and write the page again."""
    runs = {**load(folder), run.part: run}
    ordered = [runs[part] for part in sorted(runs)]
    (folder / "proof.json").write_text(json.dumps([asdict(one) for one in ordered], indent=1) + "\n")
    (folder / "proof.md").write_text(page(ordered))


def load(folder: Path = DOCS) -> dict[str, Run]:
    """The last run of each part."""
    file = folder / "proof.json"
    entries = json.loads(file.read_text()) if file.exists() else []
    return {
        entry["part"]: Run(**{**entry, "figures": tuple(Figure(**one) for one in entry["figures"])})
        for entry in entries
    }


def page(runs: Iterable[Run]) -> str:
    """The text of docs/proof.md."""
    lines = [
        "# What has been proved, on what, and when",
        "",
        "Made by `make prove`; each part can be run alone (`make prove PART=race`) and replaces its own section.",
        "`SEED=…` and the sizes in the environment make another run. A figure says where it is from: `model` is a",
        "store in memory that one contract suite holds to the emulator, `embedded` the SQLite store of local runs,",
        "`emulator` Google's emulators, `node` a real EVM node (anvil). Nothing here ran on Google Cloud.",
        "CI runs the same files with small sizes, as a part of `make test`.",
    ]
    for run in runs:
        lines += ["", *_section(run)]
    return "\n".join(lines) + "\n"


def _section(run: Run) -> list[str]:
    sizes = ", ".join(f"`{name}={value}`" for name, value in run.sizes.items())
    head = f"{'passed' if run.passed else '**failed**'} in {run.seconds:.0f} s on {run.date} ({run.commit}); "
    head += f"tests: {run.tests}; " if run.tests else ""
    head += f"store {run.store}, seed {run.seed}" + (f", {sizes}" if sizes else "") + f"; {run.machine}"
    shown = [f"- {one.what} ({one.where}): {one.text}" for one in run.figures[:MOST]]
    left = len(run.figures) - len(shown)
    return [f"## {run.part}", head, "", *shown, *([f"- and {left} more"] if left > 0 else [])]
