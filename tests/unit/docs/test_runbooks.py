"""Every alert links to its section of the runbooks, and every section has an alert."""

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
    assert "```sh cloud\n" in SECTIONS[name]  # the instruction is a command


def test_no_section_is_without_its_alert() -> None:
    assert set(SECTIONS) == set(ALERTS)


def test_what_runbooks_look_for_in_logs_is_logged() -> None:
    code = "".join(
        path.read_text() for room in ("shared", "functions") for path in (ROOT / room).rglob("*.py")
    )
    looked_for = set(re.findall(r'jsonPayload\.message[=:]"([^"]+)"', RUNBOOKS.text))
    assert looked_for
    assert {message for message in looked_for if message not in code} == set()


def test_a_block_that_is_pasted_whole_changes_one_thing() -> None:
    """If one block had two alternatives, the second would undo the first, or run although the first was refused."""
    blocks = re.findall(r"```sh cloud\n(.*?)```", RUNBOOKS.text, flags=re.S)
    changes = [
        re.findall(r"^ *(?:curl .*-X (?:POST|PUT)|.*infra\.rollout).*", block, flags=re.M) for block in blocks
    ]
    assert any(changes)
    assert [found for found in changes if len(found) > 1] == []


def test_objectives_are_those_of_the_runbook_and_of_the_alert() -> None:
    found = json.loads((ROOT / "infra" / "objectives.json").read_text())
    rows = [
        line.split("|")[1:-1] for line in SECTIONS["JourneyFailing"].splitlines() if line.startswith("| ")
    ]
    said = {row[0].strip(): re.findall(r"`(\w+)`", row[1]) for row in rows[1:]}
    assert said == found["journeys"]
    assert {tuple(cell.strip().partition(",")[0] for cell in row[2:]) for row in rows[1:]} == {
        (f"{found['succeed']:.1%}".replace("%", " %"), f"{found['quick']:.0%}".replace("%", " %"))
    }
    for condition in ALERTS["JourneyFailing"]["conditions"]:
        for names in re.findall(r'operation=~"([^"]+)"', condition["query"]):
            assert set(names.split("|")) == {name for step in said.values() for name in step}
