"""The list of decisions has every page with its title; numbers have no gaps or repeats; each page has the template's
parts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
STATUS = re.compile(
    r"^Status: (?:(proposed|accepted)|replaced by \[(\d{4})\]\(\2-[\w-]+\.md\)) · Date: (\d{4}-\d\d-\d\d)$"
)
PARTS = ["Context", "Options", "Decision", "Consequences"]


def test_the_index_lists_every_decision() -> None:
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in PAGES]
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert [(name, f"{number} {title}") for number, name, title in rows] == [
        (path.name, title) for path, title in zip(PAGES, titles, strict=True)
    ]
    assert [path.name[:4] for path in PAGES] == [f"{number:04}" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_status_date_and_options(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    said = STATUS.match(text.splitlines()[2])
    assert said, "the third line is no status with a date"
    assert date.fromisoformat(said[3]) >= date(2026, 11, 23)  # the first commit
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [part for part in parts if part != "Revisiting"] == PARTS
    options = text.partition("## Options\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^- ", options, re.MULTILINE)) >= 2, "a choice has at least two options"


def test_the_template_has_the_same_parts() -> None:
    text = (FOLDER / "template.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [*PARTS, "Revisiting"]
