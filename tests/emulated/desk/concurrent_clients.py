"""Many clients claim, extend, release and process the same orders at once, and record their answers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from tests.emulated.desk.world import Desk
from tests.model.claims import ClaimCall, Kind
from tests.model.linearizability import Call
from tests.support.clock import TestClock
from tests.support.inprocess import Answer

CLIENTS = 8
AT_ONCE = 10  # orders in play: few, so that clients conflict
CALLS = 60  # calls on an order before another replaces it
LOST = 0.02  # share of answers that never reach their client
NEVER = datetime.max.replace(tzinfo=UTC)
OTHERS = "CLAIM_LIMIT"  # a refusal because of the caller's other orders


class Held(NamedTuple):
    """A claim, known from an answer."""

    claim: str
    epoch: int
    user: str


@dataclass
class Play:
    """One order, the claims that its clients know, and its history."""

    order: str
    owner: str
    claims: list[Held] = field(default_factory=list)
    calls: list[Call[ClaimCall]] = field(default_factory=list)


@dataclass
class Crowd:
    """`run` makes `total` calls; `played` has the calls of every order."""

    desk: Desk
    clock: TestClock
    seed: int
    played: list[Play] = field(default_factory=list)
    broken: list[Answer] = field(default_factory=list)  # 500s: no caller should ever see one

    def __post_init__(self) -> None:
        self._moments = itertools.count()
        self._lock = threading.Lock()
        ether = 10**6
        self._owners = [self.desk.shopper(ether=ether, supply="400000") for _ in range(4)]
        self._users = [self.desk.person("claimer") for _ in range(CLIENTS)]
        self.desk.wallets(self._users)

    def run(self, total: int) -> None:
        self._plays = [self._begin(number) for number in range(AT_ONCE)]
        turns = iter(range(total))  # shared: each client takes the next
        with ThreadPoolExecutor(CLIENTS) as pool:
            for one in [pool.submit(self._client, number, turns) for number in range(CLIENTS)]:
                one.result()

    def _begin(self, number: int) -> Play:
        owner = self._owners[number % len(self._owners)]
        play = Play(self.desk.order(owner)["id"], owner)
        self.played.append(play)
        return play

    def _client(self, number: int, turns: Iterator[int]) -> None:
        rng = Random(f"{self.seed}/{number}")
        for _ in turns:
            place = rng.randrange(AT_ONCE)
            play = self._plays[place]
            self._turn(self._users[number], play, rng)
            if rng.random() < 0.02:
                with self._lock:
                    self.clock.advance(timedelta(seconds=rng.randint(1, 25)))
            if len(play.calls) >= CALLS:
                with self._lock:
                    if self._plays[place] is play:
                        self._plays[place] = self._begin(len(self.played))

    def _turn(self, user: str, play: Play, rng: Random) -> None:
        own = [held for held in play.claims if held.user == user]
        kinds: list[Kind] = ["claim", "heartbeat", "release", "process"]
        (kind,) = rng.choices(kinds, [9, 5, 5, 1])
        if kind == "process" and play.claims:
            self._ask(kind, play.owner, play, rng, rng.choice(play.claims[-2:]))
        elif kind in ("heartbeat", "release") and own:
            self._ask(kind, user, play, rng, rng.choice(own[-2:]))
        else:
            self._ask("claim", user, play, rng)

    def _ask(self, kind: Kind, user: str, play: Play, rng: Random, held: Held | None = None) -> None:
        claim, epoch = (held.claim, held.epoch) if held else (None, None)
        begun, earliest = next(self._moments), self.clock.now()
        if claim is None:
            answer = self.desk.claim(user, play.order)
        else:
            answer = self.desk.app.call("POST", f"/claims/{claim}/{kind}", {"epoch": epoch}, user=user)
        latest, ended = self.clock.now(), next(self._moments)
        if answer.code == OTHERS:
            return
        if answer.status == 500:
            self.broken.append(answer)
        if rng.random() < LOST or answer.status in (429, 500, 503):
            what = ClaimCall(kind, user, claim, epoch, earliest, NEVER, 0)
            play.calls.append(Call(begun, None, what))
            return
        what = _answered(
            answer, ClaimCall(kind, user, claim, epoch, earliest, latest, answer.status, answer.code)
        )
        play.calls.append(Call(begun, ended, what))
        if what.kind == "claim" and what.got is not None and what.got_epoch is not None:
            held = Held(what.got, what.got_epoch, user)
            if held not in play.claims:
                play.claims.append(held)


def _answered(answer: Answer, call: ClaimCall) -> ClaimCall:
    if answer.status not in (200, 201, 202):
        return call
    body: dict[str, Any] = answer.body
    lease = datetime.fromisoformat(body["lease_until"]) if body["lease_until"] else None
    got = body["id"] if call.kind == "claim" else None
    return replace(call, got=got, got_epoch=body["epoch"], lease=lease)
