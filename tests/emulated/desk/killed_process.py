"""A process that serves a day at the order desk and may be killed in it; another repeats every call with its key.

It is forked from a server that has imported everything and has no connections, so that each process starts fast.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import google.cloud.firestore
import google.cloud.pubsub_v1
import google.cloud.spanner  # noqa: F401

from shared import resources
from shared.adapters.message_queue import MessageQueue, QueuePublisher
from shared.adapters.pubsub import Publisher, PubSubPublisher
from shared.runtime import crash_points, operation
from shared.settings import Settings
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.inprocess import Answer, App, command

operation.catalog()
TRIES = 20  # for a call that is answered 503 or 429


@dataclass(frozen=True)
class Scene:
    """The initial state: people with wallets, all addresses, and the seed of the day."""

    settings: Settings
    events: str  # the project of the topics
    shopper: str
    claimers: tuple[str, str]
    seed: int

    @property
    def price(self) -> str:
        return f"0.{Random(self.seed).randint(1, 9)}"


@dataclass
class Life:
    """The result of one process: its exit, its answers, and the number of times it passed each point."""

    exit: int | None
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    passages: dict[str, int] | None = None


def live(scene: Scene, fault: str = "") -> Life:
    """Run a process through the day, or to its death."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(scene, fault, theirs))
    process.start()
    theirs.close()
    life = Life(None)
    with ours:
        try:
            while True:
                name, status, text = ours.recv()
                if name == "passages":
                    life.passages = text
                else:
                    life.told[name] = status, text
        except EOFError:
            process.join()
    life.exit = process.exitcode
    process.close()
    return life


def bus(chosen: Settings, project: str) -> Publisher:
    """The publisher to this project's topics in Pub/Sub, or to the queue."""
    if "pubsub" in chosen.embedded:
        return QueuePublisher(MessageQueue(Path(chosen.embedded_file), durability="OFF"))
    return PubSubPublisher(project)


def _serve(scene: Scene, fault: str, tell: Connection) -> None:
    logging.disable(logging.WARNING)  # failures of work after a commit, which only delay
    chosen = scene.settings
    with resources.override(fresh=True, settings=chosen, publisher=bus(chosen, scene.events)):
        crash_points.arm(fault)
        desk = Desk(App(), Recorder(), chosen.rpc_urls["local"][0])
        Day(desk, scene, lambda *answer: tell.send(answer)).spend()
        tell.send(("passages", 0, crash_points.passages()))


@dataclass
class Day:
    """Two supplies and two orders; one is claimed, released, rejected and paid, the other cancelled."""

    desk: Desk
    scene: Scene
    tell: Callable[[str, int, str], None]

    def spend(self) -> None:
        rng = Random(self.scene.seed)
        shopper, (one, two) = self.scene.shopper, self.scene.claimers
        first = self.supply("first", "2", twice=rng.random() < 0.5)
        second = self.supply("second", "1", twice=rng.random() < 0.5)
        self.command("update_supply", "supply.update", {"supply_id": second, "amount": "1.5"})
        order = self.order("order", self.scene.price, supply_ids=[first])
        wide = self.order("wide", "2.5")
        claim = self.claim("claim", order, one)
        self.post("heartbeat", f"/claims/{claim}/heartbeat", {}, one)
        self.desk.app.ok(200, "GET", f"/orders/{order}", user=shopper)
        if rng.random() < 0.5:
            self.post("cancel", f"/orders/{wide}/cancel", {}, shopper)
        self.post("release", f"/claims/{claim}/release", {}, one)
        claim = self.claim("second claim", order, two)
        self.post("reject", f"/claims/{claim}/reject", {"reason": "too slow"}, shopper)
        claim = self.claim("third claim", order, one)
        self.desk.app.ok(200, "GET", f"/supplies/{first}", user=shopper)
        self.post("process", f"/claims/{claim}/process", {}, shopper, 202)
        self.post("cancel", f"/orders/{wide}/cancel", {}, shopper)
        self.command("close_supply", "supply.close", {"supply_id": second})
        payment = self.desk.get(f"/claims/{claim}", shopper)["settlement"]["payments"][0]
        self.deliver("dispatch_lane", "transaction.accepted", payment["transaction_id"])
        self.desk.drive(claim, shopper)

    def supply(self, name: str, amount: str, *, twice: bool) -> str:
        made = self.post(name, "/supplies", {"currency": "ETH", "amount": amount}, self.scene.shopper, 201)
        for _ in range(1 + twice):
            self.deliver("on_supply_created", "supply.created", made["id"])
        return str(made["id"])

    def order(self, name: str, price: str, **more: Any) -> str:
        items = [{"product_id": "sku", "product_name": "A thing", "price": price, "quantity": 1}]
        body = {"currency": "ETH", "items": items} | more
        return str(self.post(name, "/orders", body, self.scene.shopper, 201)["id"])

    def claim(self, name: str, order: str, user: str) -> str:
        return str(self.post(name, "/claims", {"order_id": order}, user, 201)["id"])

    def post(self, name: str, path: str, body: Any, user: str, status: int = 200) -> Any:
        """Repeat a call under its own key until it succeeds; record and return the answer."""
        answer = _insist(lambda: self.desk.app.call("POST", path, body, user=user, key=name))
        assert answer.status == status, f"{name}: {answer.status} {answer.text}"
        self.tell(name, answer.status, answer.text)
        return answer.body

    def command(self, name: str, kind: str, data: dict[str, Any]) -> None:
        """Send one message, identical each time."""
        self._push(name, command(kind, self.scene.shopper, data, f"{kind} {data['supply_id']}"))

    def deliver(self, name: str, kind: str, subject: str) -> None:
        """Deliver an event like Pub/Sub; it must be in its owner's feed."""
        events = self.desk.get(f"/events?types={kind}&limit=100", self.scene.shopper)["items"]
        (event,) = [event for event in events if event["subject"] == subject]
        self._push(name, event)

    def _push(self, name: str, envelope: Mapping[str, Any]) -> None:
        answer = _insist(lambda: self.desk.app.push(name, envelope))
        assert answer.status == 204, answer.text


def _insist(call: Callable[[], Answer]) -> Answer:
    for _ in range(TRIES):
        answer = call()
        if answer.status not in (429, 503):
            break
    return answer
