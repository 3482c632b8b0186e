"""Many deliveries to receivers of every kind: each is accepted at least once, or its endpoint is disabled with a
reason.

DELIVERIES is the number, SEED decides which receivers fail and when.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.store.session import Session
from shared.store.tables.webhooks import DELIVERIES
from shared.webhooks import sending
from tests.emulated.webhooks.world import Bus, Hooks
from tests.support.clock import ShiftedClock
from tests.support.proof import SEED, figure, size
from tests.support.receivers import (
    Behaviour,
    Receiver,
    answer,
    drip,
    drip_body,
    flood,
    garbage,
    hang_up,
    receiver,
    stall,
)
from tests.support.stores import STORE

# Each attempt is a commit. The emulator runs one commit at a time and slows down with each call.
COUNT = size("DELIVERIES", 150 if STORE == "embedded" else 24)
WAIT_SECONDS = (
    60 + COUNT / 20
)  # seconds: a receiver that drips its answers takes half a second for eight of them
KINDS: dict[str, list[Behaviour]] = {
    "takes": [answer(204, b"")],
    "fails at times": [answer(200), answer(200), answer(500)],
    # So rare that no delivery is refused 14 times, which would make it fail.
    "busy at times": [*[answer(200)] * 4, answer(429, Retry_After="30"), answer(502)],
    "redirects at first": [answer(302, b"", Location="http://127.0.0.1:9/")],
    "stalls at first": [stall],
    "drips at first": [drip],
    "garbage at first": [garbage],
    "hangs up at first": [hang_up],
    "drips bodies": [drip_body],
    "floods bodies": [flood],
    "is gone later": [answer(200)],
    "always fails": [answer(500)],
}
NEVER = {"is gone later", "always fails"}
HEALED = {name for name in KINDS if name.endswith("at first")}


@dataclass
class Endpoint:
    kind: str
    user: str
    webhook: str
    receiver: Receiver


def moody(behaviours: list[Behaviour], rng: random.Random) -> Behaviour:
    def behave(sock: Any, got: Any) -> None:
        rng.choice(behaviours)(sock, got)

    return behave if len(behaviours) > 1 else behaviours[0]


def test_each_is_taken_at_least_once_or_disabled_with_a_reason(
    hooks: Hooks, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    rng = random.Random(SEED)
    began = time.monotonic()
    with ExitStack() as running:
        endpoints = []
        for kind, behaviours in KINDS.items():
            made = running.enter_context(receiver(moody(behaviours, rng)))
            user = hooks.user()
            endpoints.append(Endpoint(kind, user, hooks.endpoint(user, made.url, "order.*"), made))
        each = -(-COUNT // len(endpoints))
        bus = running.enter_context(Bus(hooks).running())
        subjects = {one.webhook: _happen(hooks, one, each) for one in endpoints}
        bus.settle(WAIT_SECONDS)
        heal(endpoints)
        rounds = settle(hooks, clock, endpoints, bus)
        took = time.monotonic() - began
        sent = check(hooks, endpoints, subjects)
    attempts = sum(len(one.receiver.got) for one in endpoints)
    figure(
        "webhooks",
        STORE,
        f"{sum(map(len, subjects.values()))} deliveries to {len(endpoints)} kinds of receivers: {sent['delivered']} "
        f"delivered, {sent['waiting']} waiting at disabled endpoints, {attempts} attempts in {rounds} rounds, "
        f"{took:.1f} s",
    )


def _happen(hooks: Hooks, one: Endpoint, each: int) -> list[str]:
    subjects: list[str] = []
    while len(subjects) < each:
        subjects += hooks.happen(one.user, count=min(50, each - len(subjects)))
    return subjects


def heal(endpoints: list[Endpoint]) -> None:
    for one in endpoints:
        if one.kind in HEALED:
            one.receiver.behaviour = answer(200)
        if one.kind == "is gone later":
            one.receiver.behaviour = answer(410)


def settle(hooks: Hooks, clock: ShiftedClock, endpoints: list[Endpoint], bus: Bus) -> int:
    """Advance time until nothing waits at an active endpoint; returns the number of rounds."""
    left = endpoints
    for passed in range(100 + COUNT):
        assert hooks.app.schedule("sweep_webhooks").status == 204
        bus.settle(WAIT_SECONDS)
        left = [
            one for one in left if not _settled(hooks, one)
        ]  # settled endpoints stay so: nothing new happens there
        if not left:
            return passed
        slow = all(one.kind in NEVER for one in left)
        clock.advance(timedelta(hours=2) if slow else timedelta(minutes=5))
        for one in left:
            if one.kind == "is gone later":
                hooks.happen(one.user)  # its owner causes more events
    raise AssertionError("it never settles")


def _settled(hooks: Hooks, one: Endpoint) -> bool:
    if hooks.shown(one.user, one.webhook)["status"] == "disabled":
        return True
    return one.kind not in NEVER and not hooks.deliveries(one.user, one.webhook, "&status=pending")


def check(hooks: Hooks, endpoints: list[Endpoint], subjects: dict[str, list[str]]) -> Counter[str]:
    """Check that every event of every endpoint was accepted or waits at a disabled endpoint, and that all signatures
    are valid."""
    found: Counter[str] = Counter()
    session = Session(resources.database().snapshot())
    for one in endpoints:
        seen = hooks.shown(one.user, one.webhook)
        rows = session.many(DELIVERIES.scan(one.webhook))
        wanted = set(subjects[one.webhook])
        states = {row.subject: row.status for row in rows if row.subject in wanted}
        if one.kind in NEVER:
            reason = {"is gone later": "gone", "always fails": "failing"}[one.kind]
            assert (seen["status"], seen["disabled_reason"]) == ("disabled", reason)
        else:
            assert seen["status"] == "active", one.kind
            assert states.keys() == wanted, one.kind
            assert set(states.values()) == {"delivered"}, one.kind
            assert {row.event_id for row in rows} <= set(one.receiver.ids), one.kind
        found["delivered"] += sum(1 for state in states.values() if state == "delivered")
        found["waiting"] += len(wanted) - sum(1 for state in states.values() if state == "delivered")
        by_id: dict[str, set[bytes]] = {}
        for got in one.receiver.got:
            by_id.setdefault(got.id, set()).add(got.body)
        assert all(len(bodies) == 1 for bodies in by_id.values())
        for got in rng_sample(one.receiver, 20):
            _verify(got, hooks.secrets[one.webhook])
    return found


def rng_sample(made: Receiver, most: int) -> list[Any]:
    return random.Random(SEED).sample(made.got, min(most, len(made.got)))


def _verify(got: Any, secret: str) -> None:
    """Verify by the reference library if the timestamp is current, as the library requires; otherwise by hand."""
    if abs(int(got.headers["webhook-timestamp"]) - time.time()) < 200:
        got.verify(secret)
        return
    import base64
    import hashlib
    import hmac

    signed = b".".join((got.id.encode(), got.headers["webhook-timestamp"].encode(), got.body))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert expected in got.headers["webhook-signature"].split(" ")


def test_a_fast_endpoint_beside_stalled_and_failing_ones_keeps_its_latency(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fast while tenants with stalled endpoints use all places that they may have."""
    monkeypatch.setattr(sending, "SECONDS", 1.0)
    with receiver(stall) as stalled, receiver() as fast:
        noisy = [hooks.user() for _ in range(3)]
        for user in noisy:
            for _ in range(2):
                hooks.endpoint(user, stalled.url, "order.*")
        hooks.endpoint(quick := hooks.user(), fast.url, "order.*")
        stop = threading.Event()

        def noise() -> None:
            while not stop.wait(0.2):
                for user in noisy:
                    hooks.happen(user)
                hooks.app.schedule("sweep_webhooks")

        with Bus(hooks).running():
            alone = [_latency(hooks, fast, quick) for _ in range(10)]
            thread = threading.Thread(target=noise)
            thread.start()
            time.sleep(1)
            beside = [_latency(hooks, fast, quick) for _ in range(20)]
            stop.set()
            thread.join()
        assert len(stalled.got) >= 6
    figure(
        "a fast endpoint beside stalled ones",
        STORE,
        f"{statistics.median(alone) * 1000:.0f} ms alone, {statistics.median(beside) * 1000:.0f} ms beside six stalled "
        "ones of three tenants (median, from before the commit to the request)",
    )
    assert statistics.median(beside) < max(
        0.5, 6 * statistics.median(alone)
    )  # a waiting delivery would take a second


def _latency(hooks: Hooks, fast: Receiver, user: str) -> float:
    known = len(fast.got)
    began = time.monotonic()
    hooks.happen(user)
    while len(fast.got) == known:
        assert time.monotonic() < began + 10
        time.sleep(0.001)
    return fast.got[-1].at - began
