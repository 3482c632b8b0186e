"""The state diagrams of the architecture page equal the tables of the code."""

from __future__ import annotations

import re

from shared.domain.desk.states import TRANSITIONS
from tests.unit.docs.pages import ROOT, Page


def test_state_diagrams_match_the_transition_tables() -> None:
    fences = Page(ROOT / "docs" / "architecture.md").fences()
    drawn = [fence.text for fence in fences if fence.text.startswith("stateDiagram")]
    assert len(drawn) == len(TRANSITIONS)
    for (kind, table), text in zip(TRANSITIONS.items(), drawn, strict=True):
        edges = set(re.findall(r"^ +(\w+) --> (\w+)$", text, re.MULTILINE))
        assert edges == {(before, after) for before, afters in table.items() for after in afters}, kind
        assert set(re.findall(r"(\w+) --> \[\*\]", text)) == {
            state for state, after in table.items() if not after
        }
