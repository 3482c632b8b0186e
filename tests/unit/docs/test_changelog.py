"""Check the changelog's versions: the newest is the project's, each release has its date and its frozen
dependencies."""

from __future__ import annotations

import re
import tomllib
from datetime import date

from tests.unit.docs.pages import ROOT, Page

TEXT = Page(ROOT / "CHANGELOG.md").text
VERSIONS = re.findall(r"^## (\d+\.\d+\.\d+) – (.+)$", TEXT, re.MULTILINE)


def test_sections_are_versions_with_their_day() -> None:
    assert len(VERSIONS) == len(re.findall(r"^## ", TEXT, re.MULTILINE))
    numbers = [tuple(map(int, version.split("."))) for version, _ in VERSIONS]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers)
    released = VERSIONS[1:] if VERSIONS[0][1] == "not released yet" else VERSIONS
    days = [date.fromisoformat(day) for _, day in released]
    assert days == sorted(days, reverse=True)


def test_the_newest_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert VERSIONS[0][0] == project["version"]


def test_what_is_released_is_frozen() -> None:
    frozen = {path.stem for path in (ROOT / "schemas" / "releases").glob("*.json")}
    assert frozen == {version for version, day in VERSIONS if day != "not released yet"}


def test_changes_are_told_by_kind() -> None:
    kinds = re.findall(r"^### (.+)$", TEXT, re.MULTILINE)
    assert kinds and set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
