"""The threat model's table and the answers to ASVS: every control has a test, every section an answer.

test_links checks that the files exist.
"""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.pages import ROOT


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of each row below a table's head."""
    _, _, below = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(head + "\n")
    lines = below.splitlines()[1:]
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


THREATS = rows("security.md", "| asset | attacker | entry | control | proved by |")
SECTIONS = rows("asvs.md", "| section | answer | how, or why not |")


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[2][:24])
def test_each_threat_has_a_control_and_a_test(row: list[str]) -> None:
    assert len(row) == 5 and all(row)
    tests = re.findall(r"\]\(\.\./(tests/[^)]+)\)", row[4])
    assert tests and all("/test_" in name for name in tests)
    assert all("def test_" in (ROOT / name).read_text(encoding="utf-8") for name in tests)


def test_the_table_names_each_kind_of_asset() -> None:
    assert len(THREATS) > 20


def test_each_chapter_of_the_standard_is_answered() -> None:
    assert {answer for _, answer, _ in SECTIONS} == {"met", "n/a", "open"}
    chapters = [int(match[1]) for section, *_ in SECTIONS if (match := re.match(r"V(\d+)", section))]
    assert len(chapters) == len(SECTIONS) and sorted(set(chapters)) == list(range(1, 18))
