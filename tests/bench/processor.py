"""The processor time of an operation with its follow-ups: milliseconds of this process for each call.

It runs over the embedded store, so a database's own work is included (Spanner's is billed elsewhere; its client costs
more than SQLite's). A node is another process and is not included. The benchmark pushes what a commit announces to the
operations that Pub/Sub would call; this counts with the call. `PROFILE=claim` prints where one operation's time goes.
"""

from __future__ import annotations

import cProfile
import itertools
import os
import pstats
import resource
import secrets
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulators.stack import Stack
from schemas.database import embedded
from shared import resources
from shared.runtime import operation
from shared.runtime.cloud_event import attributes
from shared.runtime.subscription_filter import keeps_away
from shared.settings import load
from shared.store.sqlite import database as sqlite
from shared.triggers.reply import Reply
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.bench import WARM, Bench
from tests.support.inprocess import App

ROUNDS, BATCH = int(os.environ.get("ROUNDS", "25")), 10
PROFILED = os.environ.get("PROFILE", "")
Call = Callable[[], Reply]


@contextmanager
def product(name: str) -> Iterator[Bench]:
    """The product over an embedded store; only the node is another process."""
    temporary = tempfile.TemporaryDirectory(prefix=f"bench-{name}-")
    with temporary as text, Stack.start(Path(text) / "logs", ["node"]) as stack:
        file = Path(text) / "store.sqlite"
        embedded.apply(file)
        os.environ.update(
            stack.env
            | {"EMBEDDED": "spanner,pubsub,firestore", "EMBEDDED_FILE": str(file), "STATE_DIR": text}
        )
        chosen = replace(load(), push_token="push-token", region="here")
        recorder = Recorder()
        with resources.override(
            fresh=True, settings=chosen, database=sqlite.connect(file), publisher=recorder
        ):
            yield Bench(App(), recorder)  # type: ignore[arg-type]


def run(bench: Bench) -> None:
    desk = Desk(bench.app, bench.published, os.environ["RPC_URL"])  # type: ignore[arg-type]
    shopper = desk.shopper(ether=1_000, supply=None)
    desk.supply(shopper, "900")
    claimers = itertools.cycle(_claimers(desk))
    lister = desk.shopper(ether=1_000, supply="500")
    for _ in range(60):
        desk.order(lister, "0.001")
    seen = f"/orders/{desk.order(shopper, '0.001')['id']}"
    desk.get(seen, shopper)
    sender = desk.person("sender")
    wallet = desk.imported(sender, ether=1_000)

    def claim() -> Call:
        order = desk.order(shopper, "0.001")["id"]
        return bench.request("POST", "/claims", {"order_id": order}, user=next(claimers), headers=_key())

    items = [{"product_id": "sku", "product_name": "A thing", "price": "0.001", "quantity": 1}]
    placed = {"currency": "ETH", "items": items}
    to = "0x" + secrets.token_hex(20)
    sent = {"wallet_id": wallet, "to": to, "value": "1000"}
    measured = _Measured(bench)
    for what, prepare in {
        "cached GET": lambda: bench.request("GET", seen, user=shopper),
        "order": lambda: bench.request("POST", "/orders", placed, user=shopper, headers=_key()),
        "claim": claim,
        "list of 50": lambda: bench.request("GET", "/orders", query={"limit": "50"}, user=lister),
        "send": lambda: bench.request("POST", "/transactions", sent, user=sender, headers=_key()),
    }.items():
        measured.take(what, prepare)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bench.figure("memory of the process, the benchmark included", peak, "MiB at most")


class _Measured:
    """Runs operations and their follow-ups, and measures processor time."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.published: Recorder = bench.published  # type: ignore[assignment]

    def take(self, what: str, prepare: Callable[[], Call]) -> None:
        """Print medians of ROUNDS times BATCH calls, and the spread between quarters of the rounds."""
        self._batch([prepare() for _ in range(WARM)])
        profile = cProfile.Profile() if what == PROFILED else None
        alone, all_of_it = [], []
        for number in range(ROUNDS):
            self.bench.progress(what, number, ROUNDS)
            calls = [prepare() for _ in range(BATCH)]
            self._settled()
            own, followed = self._batch(calls, profile)
            alone.append(own)
            all_of_it.append(own + followed)
        self.bench.median(f"{what}, the call alone", alone, "ms of a processor")
        self.bench.median(f"{what}, follow-ups included", all_of_it, "ms of a processor")
        if profile is not None:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)

    def _batch(self, calls: list[Call], profile: cProfile.Profile | None = None) -> tuple[float, float]:
        """Milliseconds of a call and its follow-ups."""
        known = len(self.published.sent)
        began = time.process_time()
        if profile is not None:
            profile.enable()
        replies = [call() for call in calls]
        if profile is not None:
            profile.disable()
        self._settled()
        own = time.process_time() - began
        assert all(reply.status < 300 for reply in replies), replies[0].body
        followed = 0.0
        while known < len(self.published.sent):
            topic, envelope = self.published.sent[known]
            known += 1
            for name in _called(topic, envelope):
                began = time.process_time()
                assert self.bench.app.push(name, envelope, topic=topic).status == 204
                self._settled()
                followed += time.process_time() - began
        return own * 1e3 / len(calls), followed * 1e3 / len(calls)

    def _settled(self) -> None:
        """Wait until background work is over: nothing new for a moment."""
        known = -1
        while known != len(self.published.sent):
            known = len(self.published.sent)
            time.sleep(0.03)


def _called(topic: str, envelope: Mapping[str, Any]) -> list[str]:
    """The operations that Pub/Sub calls for this message."""
    told = attributes(envelope)
    return [
        entry.name
        for entry in operation.catalog().values()
        for trigger in entry.messages
        if trigger.topic == topic
        and ({told["ce-type"], "*"} & set(trigger.types)) and not keeps_away(told, trigger.unless)
    ]  # fmt: skip


def _claimers(desk: Desk) -> list[str]:
    people = [desk.person("claimer") for _ in range(2 * (ROUNDS * BATCH + WARM))]
    desk.wallets(people)
    return people


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}
