"""What Prometheus and Grafana are told, from the data that Terraform makes Cloud Monitoring's alerts and dashboards of.

infra/alerts.json: an alert holds when all its conditions do. `cloud` conditions are on Google's own metrics and take
the place of `conditions` there; an alert with `cloud` alone has nothing to watch on one machine.
infra/dashboards/*.json: panels with queries; those marked `cloud` are shown there only.
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
COLUMNS, WIDTH, HEIGHT = 3, 8, 8  # of Grafana's grid of 24
_UNITS = {"ops": "ops", "ratio": "percentunit", "seconds": "s", "count": "short"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that an alert or a panel makes of Prometheus, and whose it is."""

    owner: str
    query: str


def alerts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ALERTS.read_text(encoding="utf-8"))["alerts"]
    return found


def dashboards() -> dict[str, dict[str, Any]]:
    """By file name without its ending."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))
    }


def asked() -> Iterator[Asked]:
    """Everything that is asked of our own metrics."""
    for alert in alerts():
        for condition in alert.get("conditions", ()):
            yield Asked(f"alert {alert['name']}", condition["query"])
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for query in panel["queries"] if not panel.get("cloud") else ():
                yield Asked(f"dashboard {name}: {panel['title']}", query["query"])


def expression(conditions: list[dict[str, Any]]) -> str:
    """PromQL that answers something while all conditions hold."""
    parts = []
    for condition in conditions:
        sign, limit = (">", condition["above"]) if "above" in condition else ("<", condition["below"])
        parts.append(f"({condition['query']}) {sign} {limit}")
    return " and ".join(parts)


def rules() -> dict[str, Any]:
    """Prometheus' alerting rules."""
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
    """Its configuration: scrape the gateway, and look at the rules as often."""
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
    """A dashboard as Grafana's provisioning reads it."""
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
    """Write all files; the path of Prometheus' configuration. JSON is YAML. `made`: other rules than ours."""
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
