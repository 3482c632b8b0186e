"""Every alert leads to its section of the runbooks, and no section is without its alert."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.docs.pages import ROOT, Page

ALERTS = {
    alert["name"]: alert for alert in json.loads((ROOT / "infra" / "alerts.json").read_text())["alerts"]
}
RUNBOOKS = Page(ROOT / "docs" / "operations.md")
SECTIONS = {
    part.partition("\n")[0]: part.partition("\n")[2].partition("\n## ")[0]
    for part in re.split(r"^### ", RUNBOOKS.text, flags=re.M)[1:]
}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_its_section(name: str) -> None:
    alert = ALERTS[name]
    path, _, anchor = alert["runbook"].partition("#")
    assert path == RUNBOOKS.name and anchor in RUNBOOKS.anchors
    assert SECTIONS[name].startswith(f"**{alert['severity']}** · ")
    assert "```sh cloud\n" in SECTIONS[name]  # what to do is a command


def test_no_section_is_without_its_alert() -> None:
    assert set(SECTIONS) == set(ALERTS)
