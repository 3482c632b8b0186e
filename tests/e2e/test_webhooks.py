"""A running product delivers an order's events to a server on this machine, beside one that never answers."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from emulators.client import wait_for
from emulators.product import Product
from tests.e2e.job import FundedAccount, Job, Node
from tests.support.proof import figure
from tests.support.receivers import receiver, stall
from tests.support.stores import STORE

SECOND = 1_000


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("product")


def test_everything_that_happens_to_an_order_is_delivered(product: Path) -> None:
    with Product.start(product) as running, receiver() as shop, receiver(stall) as stalled:
        job = Job(running.url, FundedAccount.funded(Node(running.env["RPC_URL"])))
        with job.http:
            job.prepare()
            for rival in job.rivals:  # other tenants' endpoints that never answer
                rival.expect(201, "POST", "/webhooks", {"url": stalled.url, "event_types": ["*"]})
            body = {"url": shop.url, "event_types": ["supply.*", "order.*", "transaction.*"]}
            webhook = job.shopper.expect(201, "POST", "/webhooks", body)
            job.run()
            wait_for(
                "the end", lambda: b'"order.completed"' in b"".join(got.body for got in shop.got), pause=0.05
            )
            listed = job.shopper.get("/events?limit=100&types=supply.*,order.*,transaction.*")["items"]
            wanted = {event["id"]: event for event in listed}
            wait_for("all of it", lambda: wanted.keys() <= set(shop.ids), pause=0.05)
            said = {got.id: got.verify(webhook["secret"]) for got in shop.got}
            assert {key: {**event, "payload": "full"} for key, event in wanted.items()} == said
            path = f"/webhooks/{webhook['id']}"
            wait_for(
                "records",
                lambda: not job.shopper.get(f"{path}/deliveries?status=pending")["items"],
                pause=0.05,
            )
            seen = job.shopper.get(path)
            assert (seen["status"], seen["failing_since"]) == ("active", None)
            deliveries = job.shopper.get(f"{path}/deliveries?limit=100")["items"]
            assert {one["event_id"] for one in deliveries} == wanted.keys()
            waits = sorted(_milliseconds(one) for one in deliveries)
        assert stalled.got, "nobody was stalled"
    figure(
        "an order's webhooks",
        STORE,
        f"{len(waits)} deliveries beside three stalled endpoints: median {statistics.median(waits):.0f} ms "
        f"from the event to its delivery, slowest {waits[-1]:.0f} ms",
    )
    assert json.loads(shop.got[0].body)["specversion"] == "1.0"


def _milliseconds(delivery: dict[str, str]) -> float:
    """Milliseconds from the commit of the event to the creation of the request that succeeded."""
    happened, taken = (datetime.fromisoformat(delivery[name]) for name in ("created_at", "delivered_at"))
    return (taken - happened).total_seconds() * SECOND
