"""The README stays what a newcomer reads in a few minutes; longer texts belong to docs/."""

from __future__ import annotations

from tests.unit.docs.pages import ROOT

LINES = 120  # at most


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LINES
