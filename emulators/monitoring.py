"""Configure Prometheus and Grafana from the files that also define Cloud Monitoring's alerts and dashboards.

infra/alerts.json: an alert fires when all its conditions hold. `cloud` conditions use Google's own metrics and replace
`conditions` in Cloud Monitoring; an alert that has only `cloud`, or a filter of log lines (`log`), does not exist on
one machine.
infra/dashboards/*.json: panels with queries; those marked `cloud` are shown only in Cloud Monitoring.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.toolkit import ROOT

ALERTS = ROOT / "infra" / "alerts.json"
DASHBOARDS = ROOT / "infra" / "dashboards"
SCRAPE_SECONDS = 5
COLUMNS, WIDTH, HEIGHT = 3, 8, 8  # panels per row and panel size, in Grafana's grid of 24 columns
_UNITS = {"ops": "ops", "ratio": "percentunit", "seconds": "s", "count": "short"}


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A Prometheus query, and the alert or panel that it belongs to."""

    owner: str
    query: str


def alerts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ALERTS.read_text(encoding="utf-8"))["alerts"]
    return found


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards, by file name without its extension."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))
    }


def queries() -> Iterator[MetricQuery]:
    """All queries on our own metrics."""
    for alert in alerts():
        for condition in alert.get("conditions", ()):
            yield MetricQuery(f"alert {alert['name']}", condition["query"])
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for query in panel["queries"] if not panel.get("cloud") else ():
                yield MetricQuery(f"dashboard {name}: {panel['title']}", query["query"])


def expression(conditions: list[dict[str, Any]]) -> str:
    """A PromQL expression that has a result while all conditions hold."""
    parts = []
    for condition in conditions:
        sign, limit = (">", condition["above"]) if "above" in condition else ("<", condition["below"])
        parts.append(f"({condition['query']}) {sign} {limit}")
    return " and ".join(parts)


def rules() -> dict[str, Any]:
    """The alerting rules for Prometheus."""
    made = [
        {
            "alert": alert["name"],
            "expr": expression(alert["conditions"]),
            "for": alert["hold"],
            "labels": {"severity": alert["severity"]},
            "annotations": {"summary": alert["summary"], "runbook": alert["runbook"]},
        }
        for alert in alerts()
        if "conditions" in alert
    ]
    return {"groups": [{"name": "wallet", "rules": made}]}


def prometheus(target: str, rules_file: Path, seconds: int = SCRAPE_SECONDS) -> dict[str, Any]:
    """Prometheus' configuration: scrape the gateway and evaluate the rules every `seconds`."""
    job = {"job_name": "wallet", "static_configs": [{"targets": [target]}]}
    return {
        "global": {
            "scrape_interval": f"{seconds}s",
            "evaluation_interval": f"{seconds}s",
        },
        "rule_files": [str(rules_file)],
        "scrape_configs": [job],
    }


def grafana(name: str, board: dict[str, Any]) -> dict[str, Any]:
    """A dashboard in the form that Grafana's provisioning reads."""
    shown = [panel for panel in board["panels"] if not panel.get("cloud")]
    return {
        "uid": f"wallet-{name}",
        "title": board["title"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(shown)],
    }


def _panel(number: int, panel: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel["title"],
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": _UNITS[panel["unit"]], "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "expr": query["query"],
                "legendFormat": f"{{{{{query['legend']}}}}}" if query["legend"] else "__auto",
            }
            for place, query in enumerate(panel["queries"])
        ],
    }


def provision(
    folder: Path,
    target: str,
    prometheus_url: str,
    made: Mapping[str, Any] | None = None,
    seconds: int = SCRAPE_SECONDS,
) -> Path:
    """Write all files and return the path of Prometheus' configuration. `made` replaces the rules. JSON is YAML."""
    files: dict[str, Any] = {
        "rules.json": made or rules(),
        "prometheus.json": prometheus(target, folder / "rules.json", seconds),
        "grafana/datasources/prometheus.yaml": {
            "apiVersion": 1,
            "datasources": [
                {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "url": prometheus_url}
            ],
        },
        "grafana/dashboards/files.yaml": {
            "apiVersion": 1,
            "providers": [
                {"name": "wallet", "type": "file", "options": {"path": str(folder / "grafana" / "json")}}
            ],
        },
        **{f"grafana/json/{name}.json": grafana(name, board) for name, board in dashboards().items()},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return folder / "prometheus.json"
