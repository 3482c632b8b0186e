"""An order from supply to claim with a separate process for each step; their events reach Pub/Sub."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import resources
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.emulated.functions.conftest import Functions
from tests.support.inprocess import command

NAMES = ("on_supply_created", "place_order", "get_order", "claim_order", "sweep_outbox")


@pytest.fixture
def desk(functions: Functions, emulators: Mapping[str, str]) -> Iterator[Desk]:
    published = Recorder()
    with resources.override(publisher=published):
        yield Desk(functions.app, published, emulators["RPC_URL"])


@pytest.fixture
def events(functions: Functions) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The events on order-events and claim-events since the test began."""
    from google.cloud.pubsub_v1 import SubscriberClient

    project, seen = functions.env["GOOGLE_CLOUD_PROJECT"], list[dict[str, Any]]()
    with SubscriberClient() as subscriber:
        names = {}
        for topic in ("order-events", "claim-events"):
            name = subscriber.subscription_path(project, f"path-{uuid.uuid4().hex}")
            names[name] = f"projects/{project}/topics/{topic}"
            subscriber.create_subscription(name=name, topic=names[name])

        def pull() -> list[dict[str, Any]]:
            for name in names:
                got = subscriber.pull(
                    subscription=name, max_messages=100, return_immediately=True, retry=None
                )
                seen.extend(json.loads(message.message.data) for message in got.received_messages)
            return seen

        yield pull
        for name in names:
            subscriber.delete_subscription(subscription=name)


@pytest.mark.filterwarnings("ignore:The return_immediately flag:DeprecationWarning")
def test_an_order_is_placed_and_claimed_once(
    functions: Functions, desk: Desk, events: Callable[[], list[dict[str, Any]]]
) -> None:
    reaction, place, read, claim, sweep = functions.start(*NAMES)
    token = f"?token={functions.push_token}"

    def headers(user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {functions.app.token(user)}", "Idempotency-Key": str(uuid.uuid4())}

    def push(event: Mapping[str, Any]) -> dict[str, Any]:
        data = base64.b64encode(json.dumps(event).encode()).decode()
        given = {"ce-type": event["type"]}
        return {"message": {"data": data, "attributes": given, "messageId": str(uuid.uuid4())}}

    shopper, claimers = desk.person("shopper"), [desk.person("claimer") for _ in range(6)]
    desk.wallet(shopper, ether=10)
    desk.wallets(claimers)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=shopper)
    created = push(desk.envelope("supply.created", made["id"]))
    for _ in range(2):
        assert reaction.call("POST", f"/push/on_supply_created{token}", json=created).status_code == 204
    assert desk.get(f"/supplies/{made['id']}", shopper)["status"] == "active"

    item = {"product_id": "sku", "product_name": "A thing", "price": "0.5", "quantity": 3}
    sent, body = headers(shopper), {"currency": "ETH", "items": [item]}
    placed = place.call("POST", "/api/v1/orders", json=body, headers=sent)
    assert placed.status_code == 201, placed.text
    order = placed.json()
    again = place.call("POST", "/api/v1/orders", json=body, headers=sent)
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, order, "true")
    seen = read.call("GET", f"/api/v1/orders/{order['id']}", headers=headers(shopper))
    assert (seen.status_code, seen.json()["status"], seen.headers["ETag"]) == (
        200,
        "open",
        placed.headers["ETag"],
    )

    def one(user: str) -> int:
        wanted = {"order_id": order["id"]}
        return claim.call("POST", "/api/v1/claims", json=wanted, headers=headers(user)).status_code

    with ThreadPoolExecutor(len(claimers)) as pool:
        assert sorted(pool.map(one, claimers)) == [201, *[409] * (len(claimers) - 1)]
    late = desk.claimer()
    asked = push(command("claim.claim", late, {"order_id": order["id"]}, "cmd-late"))
    assert claim.call("POST", f"/push/claim_order{token}", json=asked).status_code == 204
    assert desk.feed(late, "command.refused")["data"]["error"]["code"] == "ORDER_ALREADY_CLAIMED"

    def mine() -> set[str]:
        """The types of the events about this order and to the late claimer."""
        about = [
            e
            for e in events()
            if order["id"] in (e["subject"], e["data"].get("order_id")) or e["subject"] == late
        ]
        return {event["type"] for event in about}

    deadline = time.monotonic() + 20
    while not mine() >= {"order.created", "claim.claimed", "command.refused"}:
        assert time.monotonic() < deadline, mine()
        assert sweep.call("POST", f"/schedule/sweep_outbox{token}").status_code == 204
