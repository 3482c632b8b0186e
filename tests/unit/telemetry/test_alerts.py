"""Alerts and dashboards query existing metrics with existing labels, and Prometheus can read the rules."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import shared
from emulators import monitoring
from shared.runtime import operation
from shared.telemetry import metrics
from tests.support.collected_telemetry import measured

SUFFIXES = ("_bucket", "_count", "_sum")
PROMTOOL = shutil.which("promtool")
METRIC = re.compile(r"\b(wallet_\w+)(?:\{([^}]*)\})?")
BY = re.compile(r"\bby \(([^)]*)\)")
OPERATIONS = re.compile(r'operation=~"([^"]+)"')


def declared() -> dict[str, metrics.Instrument]:
    operation.catalog()
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)  # from any declaring module
    return metrics.declared()


def base(name: str) -> str:
    """The metric behind a histogram's series."""
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)


@pytest.mark.parametrize("query", list(monitoring.queries()), ids=lambda query: query.owner)
def test_what_is_asked_for_exists(query: monitoring.MetricQuery) -> None:
    known = declared()
    found = METRIC.findall(query.query)
    assert found, "asks for nothing of ours"
    labels = {"le"}
    for name, selectors in found:
        metric = known[base(name)]
        assert (name != metric.name) == (metric.kind == "histogram"), name
        assert set(re.findall(r"(\w+)[=!]", selectors)) <= metric.labels | {"le"}
        labels |= metric.labels
    grouped = {label.strip() for group in BY.findall(query.query) for label in group.split(",")}
    assert grouped <= labels
    for names in OPERATIONS.findall(query.query):
        assert set(names.split("|")) <= set(operation.catalog())


def test_codes_and_events_that_are_asked_for_exist() -> None:
    text = "\n".join(query.query for query in monitoring.queries())
    openapi = Path("schemas/openapi.json").read_text(encoding="utf-8")
    for names in re.findall(r'code=~?"([^"]+)"', text):
        assert all(f'"{name}"' in openapi for name in names.split("|")), names


def test_each_alert_has_its_section_of_the_runbook() -> None:
    names = [alert["name"] for alert in monitoring.alerts()]
    assert len(names) == len(set(names))
    for alert in monitoring.alerts():
        assert alert["runbook"] == f"docs/operations.md#{alert['name'].lower()}"
        assert alert["severity"] in ("page", "ticket")
        for condition in [*alert.get("conditions", ()), *alert.get("cloud", ())]:
            assert ("above" in condition) != ("below" in condition)


def test_events_whose_number_fires_an_alert_are_reported_before_the_first() -> None:
    """A process that reports only 1 has no increase: its first failed settlement would wake nobody."""
    counted = {
        name
        for alert in monitoring.alerts()
        for condition in alert.get("conditions", ())
        for name in re.findall(r'increase\(wallet_events_total\{type="([^"]+)"', condition["query"])
    }
    assert "claim.failed" in counted
    with measured() as found:
        assert [n for n in counted if found.value("wallet_events_total", type=n) != 0] == []


def test_requests_that_wait_on_purpose_are_not_slow() -> None:
    """One client in twenty that follows events by long polls would wake somebody."""
    routes = json.loads(Path("schemas/openapi.json").read_text())["paths"].values()
    waiting = {
        one["operationId"]
        for route in routes
        for one in route.values()
        if any(parameter.get("name") == "wait" for parameter in one.get("parameters", ()))
    } | {
        name
        for name, one in json.loads(Path("schemas/catalog.json").read_text())["operations"].items()
        if any(http["media"] in ("text/event-stream", "websocket") for http in one["http"])
    }
    assert len(waiting) > 1
    (alert,) = (one for one in monitoring.alerts() if one["name"] == "LatencyBudgetBurn")
    for condition in alert["conditions"]:
        left_out = re.findall(r'operation!~"([^"]+)"', condition["query"])
        assert [set(names.split("|")) for names in left_out] == [waiting, waiting]


def test_dead_letters_that_are_kept_for_a_person_keep_no_alert_firing() -> None:
    """Nobody acknowledges them: each stays in its subscription for 31 days, recorded or not."""
    kept = re.search(r'"dead_letters_kept" \{\n  name += "([^"]+)"', Path("infra/messaging.tf").read_text())
    assert kept
    matches = {"=": str.__eq__, "!=": str.__ne__, "=~": lambda a, b: bool(re.fullmatch(b, a))}
    asked = {
        alert["name"]: re.findall(r'subscription_id(=~|!=|=)"([^"]+)"', condition["query"])
        for alert in monitoring.alerts()
        for condition in alert.get("cloud", ())
        if "pubsub_subscription" in condition["query"]
    }
    assert {"DeadLettersUnread", "QueueOld"} <= asked.keys()
    for name, selectors in asked.items():
        assert selectors, name
        assert all(matches[sign]("record_dead_letter.dead-letters", value) for sign, value in selectors), name
        assert not all(matches[sign](kept[1], value) for sign, value in selectors), name


def test_an_alert_holds_while_all_its_conditions_do() -> None:
    both = [{"query": "a", "above": 1}, {"query": "b", "below": 2}]
    assert monitoring.expression(both) == "(a) > 1 and (b) < 2"


def test_grafana_gets_every_panel_that_one_machine_can_fill(tmp_path: Path) -> None:
    monitoring.provision(tmp_path, "127.0.0.1:1", "http://127.0.0.1:2")
    shown = {
        path.stem: json.loads(path.read_text())["panels"] for path in (tmp_path / "grafana/json").iterdir()
    }
    shown_queries = {q["expr"] for panels in shown.values() for panel in panels for q in panel["targets"]}
    wanted = {one.query for one in monitoring.queries() if one.owner.startswith("dashboard")}
    assert shown_queries == wanted
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in shown["money"]]
    assert len(places) == len(set(places))


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is part of Debian's package prometheus")
def test_prometheus_can_read_rules_and_configuration(tmp_path: Path) -> None:
    settings = monitoring.provision(tmp_path, "127.0.0.1:1", "http://127.0.0.1:2")
    assert PROMTOOL is not None
    command = [PROMTOOL, "check", "config", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(monitoring.rules()['groups'][0]['rules'])} rules found" in done.stdout
