"""The gateway killed by SIGKILL at ten points of the demo's job: it still ends paid exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from emulators.client import wait_for
from emulators.product import Product
from shared.domain.desk import ledger
from shared.store.port import Database
from shared.store.session import Session
from shared.store.tables import claims, supplies
from shared.store.tables.orders import ALLOCATIONS
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS
from tests.e2e.job import ETHER, PAYOUT, FundedAccount, Job, Node
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
    if product.gateway is None or not product.gateway.alive:  # the test before this one broke off
        product.start_gateway()
    job = Job(product.url, FundedAccount.funded(node))
    with job.http, ThreadPoolExecutor(1) as worker:
        job.prepare()
        running = worker.submit(job.run)
        _wait_for(point, job, node, running)
        product.kill_gateway()
        assert not running.done(), "the job was over too early"
        product.start_gateway()
        wait_for("the payout", lambda: running.done() or node.count(job.account.address), 30.0, 0.05)
        node.ask("anvil_mine", "0x4")  # final now: nobody waits for four blocks
        running.result(30)
        assert job.repeated, "no call was interrupted"
        _paid_once(job, node, Session(database.snapshot()))


def _wait_for(point: str, job: Job, node: Node, running: Future[None]) -> None:
    event, _, delay = point.partition(" + ")
    on_chain: dict[str, Callable[[], bool]] = {
        "payout broadcast": lambda: node.count(job.account.address, "pending") > 0,
        "payout mined": lambda: node.count(job.account.address) > 0,
    }
    reached = on_chain.get(event) or job.at(event).is_set
    deadline = time.monotonic() + 20
    while not reached():
        assert not running.done() and time.monotonic() < deadline, running
        time.sleep(0.002)
    time.sleep(float(delay.removesuffix(" s") or 0))  # the moment itself is what is tested


def _paid_once(job: Job, node: Node, rows: Session) -> None:
    order = job.shopper.get(f"/orders/{job.order['id']}")
    claim = job.shopper.get(f"/claims/{job.claim['id']}")
    assert (order["status"], claim["status"]) == ("completed", "processed"), claim
    assert len(job.shopper.get("/supplies")["items"]) == len(job.shopper.get("/orders")["items"]) == 1

    (payment,) = rows.one(claims.payments_of(claim["id"]))
    assert (payment.status, payment.finalized, payment.round, payment.amount) == ("paid", True, 1, PAYOUT)
    mine = [row for row in rows.one(TRANSACTIONS.scan()) if row.wallet_id == job.wallet]
    (transaction,) = mine
    assert (transaction.id, transaction.value, transaction.nonce) == (payment.transaction_id, PAYOUT, 0)
    assert transaction.state == "confirmed" and transaction.finalized
    attempts = rows.one(ATTEMPTS.scan(transaction.id))
    assert transaction.hash in {attempt.hash for attempt in attempts}

    receipt = node.ask("eth_getTransactionReceipt", transaction.hash)
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert receipt["status"] == "0x1" and receipt["to"].lower() == job.recipient.lower()
    assert node.balance(job.recipient) == PAYOUT
    assert node.balance(job.account.address) == 10 * ETHER - PAYOUT - gas
    assert node.count(job.account.address) == node.count(job.account.address, "pending") == 1
    _books_balance(rows, job)


def _books_balance(rows: Session, job: Job) -> None:
    """Of this job's supply to the wei, and of every supply that there is."""
    for supply in rows.one(supplies.SUPPLIES.scan()):
        lines: list[Any] = rows.one(supplies.ledger_of(supply.id))
        assert supply.available + supply.reserved + supply.settled == supply.amount
        assert ledger.verify(supply, lines) == []
        assert sum(line.amount for line in lines) == 0
    own = rows.one(supplies.by_id(job.supply["id"]))
    assert (own.available, own.reserved, own.settled) == (2 * ETHER - PAYOUT, 0, PAYOUT)
    (allocation,) = rows.one(ALLOCATIONS.scan(job.order["id"]))
    assert (allocation.status, allocation.settled) == ("settled", PAYOUT)
