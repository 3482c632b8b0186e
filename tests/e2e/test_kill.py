"""Kill the gateway by SIGKILL at ten points of the demo's job: it still ends paid exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from emulators.client import wait_for
from emulators.product import Product
from shared.store.port import Database
from shared.store.session import Session
from tests.e2e.job import FundedAccount, Job, Node
from tests.e2e.settled import books_balance, paid_once
from tests.support.stores import opened

POINTS = [
    "supplies sent",  # "sent": the request has left, nothing is answered
    "supply answered",
    "order answered",
    "claims sent",
    "claim answered",
    "process sent",
    "process answered",
    "process answered + 0.1 s",
    "payout broadcast",
    "payout mined",  # and not final yet
]


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.start(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture(scope="module")
def database(product: Product) -> Database:
    return opened(product.env)


@pytest.fixture(scope="module")
def node(product: Product) -> Node:
    return Node(product.env["RPC_URL"])


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_gateway_pays_exactly_once(
    product: Product, database: Database, node: Node, point: str
) -> None:
    if product.gateway is None or not product.gateway.alive:  # the previous test failed midway
        product.start_gateway()
    job = Job(product.url, FundedAccount.funded(node))
    with job.http, ThreadPoolExecutor(1) as worker:
        job.prepare()
        running = worker.submit(job.run)
        _wait_for(point, job, node, running)
        product.kill_gateway()
        assert not running.done(), "the job was over too early"
        product.start_gateway()
        wait_for("the payout", lambda: running.done() or node.count(job.account.address), pause=0.05)
        node.ask("anvil_mine", "0x4")  # now final, without waiting for four blocks
        running.result(60)
        assert job.repeated, "no call was interrupted"
        rows = Session(database.snapshot())
        paid_once(job, node, rows)
        books_balance(rows)


def _wait_for(point: str, job: Job, node: Node, running: Future[None]) -> None:
    event, _, delay = point.partition(" + ")
    on_chain: dict[str, Callable[[], bool]] = {
        "payout broadcast": lambda: node.count(job.account.address, "pending") > 0,
        "payout mined": lambda: node.count(job.account.address) > 0,
    }
    reached = on_chain.get(event) or job.at(event).is_set
    deadline = time.monotonic() + 60
    while not reached():
        assert not running.done() and time.monotonic() < deadline, running
        time.sleep(0.002)
    time.sleep(float(delay.removesuffix(" s") or 0))  # the exact moment is under test
