"""The page of proofs keeps the output of each part's last run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.faults import record

PRINTED = [
    "......race (emulator, seed 7): 10,000 callers: 1 × 201\n",
    "12 passed in 3.4s\n",
    "kill (embedded and node, seed 7): day 3: another life ended it\n",
]
RUN = record.Run(
    "race",
    "2026-01-02",
    "abc1234",
    "2 cores",
    "emulator",
    "7",
    {"RIVALS": "10000"},
    44.04,
    True,
    record.figures(PRINTED),
)


def test_figures_are_found_among_what_is_printed() -> None:
    assert [(one.what, one.where) for one in RUN.figures] == [
        ("race", "emulator"),
        ("kill", "embedded and node"),
    ]


def test_what_was_skipped_is_said() -> None:
    assert record.counts(PRINTED) == "12 passed"
    assert (
        record.counts(["== 3 passed, 2 skipped, 1 warning in 61.20s (0:01:01) =="]) == "3 passed, 2 skipped"
    )
    assert record.counts(["nothing"]) == ""


def test_a_part_replaces_its_own_run_alone(tmp_path: Path) -> None:
    record.keep(RUN, tmp_path)
    record.keep(replace(RUN, part="cache", figures=()), tmp_path)
    record.keep(replace(RUN, passed=False, date="2026-01-03"), tmp_path)
    assert {part: run.date for part, run in record.load(tmp_path).items()} == {
        "cache": "2026-01-02",
        "race": "2026-01-03",
    }
    text = (tmp_path / "proof.md").read_text()
    assert (
        "**failed** in 44 s on 2026-01-03 (abc1234); store emulator, seed 7, `RIVALS=10000`; 2 cores" in text
    )
    assert "- race (emulator): 10,000 callers: 1 × 201" in text
