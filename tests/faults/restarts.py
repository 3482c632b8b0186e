"""End `make run` for an hour, again and again, by SIGKILL, SIGTERM and Ctrl-C: nothing is lost and nothing doubled.

`python -m tests.faults hour`; MINUTES sets the duration, SEED the sequence of ends and their moments. Meanwhile clients
place, claim and pay orders, and repeat every call that got no answer. At the end each order is paid exactly once, to
the wei, in the store and on the chain, which both survive every end.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from eth_account import Account

from emulators.client import NeverHappened, wait_for
from shared.store.session import Session
from tests.e2e.job import ETHER, PASSWORD, FundedAccount, Job, Node
from tests.e2e.settled import books_balance, paid_once
from tests.support.product_run import ProductRun
from tests.support.proof import SEED, figure, size
from tests.support.stores import opened

MINUTES = size("MINUTES", 1)
CLIENTS = 2
pytestmark = [
    pytest.mark.timeout(60 * MINUTES + 600),
    pytest.mark.skipif(
        sys.platform != "linux", reason="elsewhere no kernel ends the children of a killed parent"
    ),
]
# Half of the ends are SIGKILL, which leaves no time to clean up.
ENDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LIVES = (3.0, 20.0)  # seconds, counted from when it is up


@dataclass
class Clients:
    """Threads that do one job after the other."""

    url: str
    accounts: Iterator[FundedAccount]
    over: threading.Event = field(default_factory=threading.Event)
    done: list[Job] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> None:
        while not self.over.is_set():
            with self.lock:
                account = next(self.accounts)
            with httpx.Client(timeout=20.0) as http:
                job = Job(self.url, account, seconds=240.0, http=http)
                job.prepare()
                try:
                    job.run()
                except NeverHappened as error:
                    raise NeverHappened(f"{error}; {_standing(job)}") from error
            with self.lock:
                self.done.append(job)


def _standing(job: Job) -> str:
    """The states that the shopper sees of the claim that did not end, and of the transactions that should pay it."""
    job.shopper.sign_in(f"0-{job.run_id}@example.com", PASSWORD)
    claim = job.shopper.get(f"/claims/{job.claim['id']}") if job.claim else None
    return json.dumps({"claim": claim, "transactions": job.shopper.get("/transactions")})


def funded(node: Node, count: int) -> list[FundedAccount]:
    """Fund people before anything is killed; they must keep these coins."""
    accounts = [Account.create() for _ in range(count)]
    for account in accounts:
        node.ask("anvil_setBalance", account.address, hex(10 * ETHER))
    node.ask("anvil_mine", "0x4")
    return [FundedAccount("0x" + bytes(account.key).hex(), account.address) for account in accounts]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ProductRun]:
    made = ProductRun.at(tmp_path / "run")
    made.start()
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()
    shutil.rmtree(made.folder, ignore_errors=True)


def height(run: ProductRun) -> int:
    return int(Node(run.env["RPC_URL"]).ask("eth_blockNumber"), 16)


def kept_height(run: ProductRun) -> int:
    return int(json.loads((run.data / "chain.json").read_bytes())["best_block_number"])


def test_nothing_is_lost_and_nothing_is_doubled(run: ProductRun) -> None:
    chance, ended, starts, lost = random.Random(SEED), Counter[str](), list[float](), list[int]()
    accounts = funded(Node(run.env["RPC_URL"]), 60 * MINUTES)
    clients = Clients(run.url, iter(accounts))
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(clients.work) for _ in range(CLIENTS)]
        while time.monotonic() < began + 60 * MINUTES and not any(one.done() for one in working):
            time.sleep(chance.uniform(*LIVES))
            number = chance.choice(ENDS)
            before = height(run)
            run.end(number)
            ended[number.name] += 1
            wait_for("the end of every process", lambda: not run.processes(), 10.0)
            if number == signal.SIGKILL:
                lost.append(max(0, before - kept_height(run)))
            again = time.monotonic()
            run.start()
            starts.append(time.monotonic() - again)
        clients.over.set()
        for one in working:
            one.result(300)
    node = Node(run.env["RPC_URL"])
    node.ask("anvil_mine", "0x4")
    _check(run, node, clients.done)
    minutes = (time.monotonic() - began) / 60
    text = f"{minutes:.1f} minutes, {sum(ended.values())} ends ({dict(ended)}), {len(clients.done)} orders paid once,"
    text += f" {sum(job.repeated for job in clients.done)} calls repeated, newest blocks lost: {lost},"
    figure(
        "hour",
        "embedded",
        f"{text} a start takes {sum(starts) / len(starts):.1f} s, {max(starts):.1f} at most",
    )


def _check(run: ProductRun, node: Node, jobs: list[Job]) -> None:
    rows = Session(opened(run.env).snapshot())
    assert jobs
    for job in jobs:
        with httpx.Client(timeout=20.0) as job.http:
            for api in job.people:
                api.http = job.http
            job.sign_in()
            paid_once(job, node, rows)
    books_balance(rows)
