"""The order desk: the cost of placing, claiming and reading compared with the RPCs that they make, and of listing long
lists."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared import resources
from shared.runtime.clock import new_id
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from shared.triggers.reply import Reply
from tests.emulated.desk.world import Desk
from tests.support.bench import WARM, Bench, Ready
from tests.support.replay import Calls

ROUNDS = 150
MOST, GOAL = 1.5, 1.25


def run(bench: Bench) -> None:
    desk = Desk(bench.app, bench.published, os.environ["RPC_URL"])  # type: ignore[arg-type]
    shopper = desk.shopper(ether=1_000, supply=None)
    supply = desk.supply(shopper, "900")
    cached_get(bench, desk, shopper)
    placing(bench, shopper, supply["id"])
    claiming(bench, desk, shopper)


def cached_get(bench: Bench, desk: Desk, shopper: str) -> None:
    path = f"/orders/{desk.order(shopper, '0.001')['id']}"
    desk.get(path, shopper)  # fills
    call = bench.request("GET", path, user=shopper)
    document = resources.cache().entries.document(path.replace("/orders/", "orders:"))  # type: ignore[attr-defined]

    def ours(_: int) -> Ready:
        return call

    def bare(_: int) -> Ready:
        return lambda: document.get().to_dict()

    bench.ratio("cached GET", ours, bare, rounds=400, most=MOST, goal=GOAL)
    assert _good(call).headers["ETag"] == '"1"'


def placing(bench: Bench, shopper: str, supply_id: str) -> None:
    """Measure placing. The bare calls reserve from copies of the supply, because each ledger position can be used only
    once."""
    noted = Calls()
    with noted.noted():
        _good(_order(bench, shopper))
    copies = iter(_copies(supply_id, ROUNDS + WARM))

    def ours(_: int) -> Ready:
        return _checked(_order(bench, shopper))

    def bare(_: int) -> Ready:
        return noted.bare({supply_id: next(copies)})

    bench.ratio("place order", ours, bare, rounds=ROUNDS, most=MOST, goal=GOAL)


def _copies(supply_id: str, count: int) -> list[str]:
    row = Session(resources.database().snapshot()).one(SUPPLIES.get(supply_id))
    copies = [replace(row, id=new_id("sup"), user_id="usr_nobody") for _ in range(count)]
    resources.database().write([SUPPLIES.write("insert", copy) for copy in copies])
    return [copy.id for copy in copies]


def claiming(bench: Bench, desk: Desk, shopper: str) -> None:
    """Measure claiming, with a new claimer each time because claims per person are limited; the bare calls claim other
    orders."""
    people = [desk.person("claimer") for _ in range(2 * ROUNDS)]
    desk.wallets(people)
    claimers = itertools.cycle(people)
    first = desk.order(shopper, "0.001")["id"]
    noted = Calls()
    with noted.noted():
        _good(_claim(bench, next(claimers), first))

    def ours(_: int) -> Ready:
        return _checked(_claim(bench, next(claimers), desk.order(shopper, "0.001")["id"]))

    def bare(_: int) -> Ready:
        return noted.bare({first: desk.order(shopper, "0.001")["id"]})

    bench.ratio("claim", ours, bare, rounds=ROUNDS, most=MOST, goal=GOAL)


def _order(bench: Bench, user: str) -> Callable[[], Reply]:
    items = [{"product_id": "sku", "product_name": "A thing", "price": "0.001", "quantity": 1}]
    body = {"currency": "ETH", "items": items}
    return bench.request("POST", "/orders", body, user=user, headers=_key())


def _claim(bench: Bench, user: str, order_id: str) -> Callable[[], Reply]:
    return bench.request("POST", "/claims", {"order_id": order_id}, user=user, headers=_key())


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def _good(call: Callable[[], Reply]) -> Reply:
    reply = call()
    assert reply.status < 300, reply.body
    return reply


def _checked(call: Callable[[], Reply]) -> Callable[[], Any]:
    return lambda: _good(call)
