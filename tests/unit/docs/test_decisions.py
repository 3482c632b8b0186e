"""The list of decisions names every page by its title; numbers are without gaps or repeats."""

from __future__ import annotations

import re

from tests.unit.docs.pages import ROOT

FOLDER = ROOT / "docs" / "decisions"


def test_the_list_is_the_pages() -> None:
    pages = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in pages]
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert [(name, f"{number} {title}") for number, name, title in rows] == [
        (path.name, title) for path, title in zip(pages, titles, strict=True)
    ]
    assert [path.name[:4] for path in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
