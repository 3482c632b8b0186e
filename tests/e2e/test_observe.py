"""Prometheus beside the product: after a demo every query of an alert or a dashboard returns a value.

make prove PART=observe
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators import monitoring, observe
from emulators.client import Api, wait_for
from emulators.demo import DEV_ADDRESS, PASSWORD, Demo
from emulators.observe import Prometheus
from emulators.product import Product

WAIT_SECONDS = 90.0
# Metrics that stay empty without faults on one machine: transactions queue for the emulator and are not
# aborted, and nothing stands in front of the gateway (test_alarms triggers HopsMiscounted).
NEVER = {"wallet_aborts_total", "wallet_hops_miscounted_total"}
IDENTITIES = re.compile(r'="(?:[a-z]{3}_[a-z2-7]{16,}|0x[0-9a-f]{16,}|[^"]*@[^"]*|[^"]*://[^"]*)"')

pytestmark = [
    pytest.mark.skipif(not os.environ.get("OBSERVE"), reason="make prove PART=observe"),
    pytest.mark.timeout(400),
]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.start(tmp_path_factory.mktemp("observed")) as product:
        yield product


@pytest.fixture(scope="module")
def prometheus(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with observe.watching(product.url.removeprefix("http://"), folder) as prometheus:
        for _ in range(2):  # a rate needs a change since the last scrape
            steps = Demo(product.url, product.env["RPC_URL"], claimers=5)
            with steps.http:
                steps.run()
                read_and_refused(Api(product.url, http=steps.http))
            wait_for("a scrape", lambda: answered(prometheus.ask("sum(wallet_settlement_seconds_count) > 0")))
        yield prometheus


def read_and_refused(api: Api) -> None:
    """Do what the demo does not: reads that may be cached, and a signature that the wallet's policy denies."""
    api.sign_up(f"paused-{time.time_ns():x}@example.com", PASSWORD)
    wallet = api.expect(201, "POST", "/wallets", {"name": "w", "type": "hd"})["wallet"]["id"]
    for _ in range(3):
        api.expect(404, "GET", "/orders/ord_none")  # of what is cached; the demo reads past the cache
    api.expect(200, "PUT", f"/wallets/{wallet}/policy", {"paused": True})
    body = {"wallet_id": wallet, "to": DEV_ADDRESS, "value": "1"}
    api.expect(422, "POST", "/transactions", body)


def answered(series: list[dict[str, Any]]) -> bool:
    """Tell whether a series has a number: a quantile over no events has none."""
    return any(not math.isnan(float(one["value"][1])) for one in series)


def test_every_query_of_an_alert_or_a_dashboard_has_an_answer(prometheus: Prometheus) -> None:
    queries = list(monitoring.queries())
    assert len(queries) > 40
    until = time.monotonic() + WAIT_SECONDS
    while queries and time.monotonic() < until:
        queries = [one for one in queries if not answered(prometheus.ask(one.query))]
        time.sleep(1.0)
    assert [(one.owner, one.query) for one in queries] == []


def test_every_metric_that_is_asked_for_is_scraped(prometheus: Prometheus) -> None:
    names = {name for one in monitoring.queries() for name in re.findall(r"\bwallet_\w+", one.query)}
    missing = {name for name in names if not prometheus.ask(f"count({name})")}
    assert missing <= NEVER


def test_prometheus_evaluates_every_rule_and_a_good_day_rings_no_bell(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) == len(monitoring.rules()["groups"][0]["rules"])
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert firing <= {"SignerDenials"}


def test_no_label_names_a_person_a_row_or_an_address(prometheus: Prometheus, product: Product) -> None:
    text = httpx.get(f"{product.url}/metrics").text
    assert "wallet_runs_total{" in text
    assert IDENTITIES.findall(text) == []


def test_logs_of_prometheus_are_quiet(prometheus: Prometheus) -> None:
    log: Path = prometheus.child.log
    assert "error" not in log.read_text().lower()
