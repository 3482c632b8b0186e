"""The checker itself: it accepts sequential histories, and finds impossible ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.model.claims import ClaimCall, OrderState, step
from tests.model.linearizability import Call, linearizable
from tests.support.doubled_claims import doubled

START = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=15)
History = list[Call[ClaimCall]]


def call(kind: str, user: str, status: int = 200, **more: object) -> ClaimCall:
    given: dict[str, object] = {"claim": None, "epoch": None, "earliest": START, "latest": START} | more
    return ClaimCall(kind, user, status=status, **given)  # type: ignore[arg-type]


def won(user: str, epoch: int = 1, **more: object) -> ClaimCall:
    return call("claim", user, 201, got=f"clm_{epoch}", got_epoch=epoch, lease=START + LEASE, **more)


def lost(user: str) -> ClaimCall:
    return call("claim", user, 409, code="ORDER_ALREADY_CLAIMED")


def own(kind: str, user: str, epoch: int = 1, status: int = 200, **more: object) -> ClaimCall:
    return call(kind, user, status, claim=f"clm_{epoch}", epoch=epoch, **more)


def possible(*spans: tuple[int, int | None, ClaimCall]) -> bool:
    return linearizable([Call(*span) for span in spans], OrderState(), step)


def test_one_after_the_other() -> None:
    assert possible((0, 1, won("a")), (2, 3, lost("b")), (4, 5, own("release", "a")), (6, 7, won("b", 3)))


def test_two_cannot_hold_it_at_once() -> None:
    assert not possible((0, 1, won("a")), (2, 3, won("b", 3)))
    assert not possible((0, 3, won("a")), (1, 2, won("b", 1)))


def test_a_claim_loses_only_to_one_that_won() -> None:
    assert possible((0, 3, lost("b")), (1, 2, won("a")))
    assert not possible((0, 1, lost("b")), (2, 3, won("a")))
    assert not possible((0, 1, won("a")), (2, 3, own("release", "a")), (4, 5, lost("b")))


def test_a_call_without_an_answer_may_have_happened_or_not() -> None:
    silent = own("release", "a", status=0)
    assert possible((0, 1, won("a")), (2, None, silent), (3, 4, won("b", 3)))
    assert possible((0, 1, won("a")), (2, None, silent), (3, 4, lost("b")))
    assert not possible((0, 1, won("a")), (2, 3, won("b", 3)), (4, None, silent))
    silent = call("claim", "a", 0)
    assert possible((0, None, silent), (1, 2, lost("b")))
    again = call("claim", "a", 200, got="clm_1", got_epoch=1, lease=START + LEASE)
    assert possible((0, None, silent), (1, 2, lost("b")), (3, 4, again), (5, 6, own("release", "a")))
    assert not possible((0, None, silent), (1, 2, own("release", "b")))


def test_a_lease_ends_by_the_clock_alone() -> None:
    late = START + LEASE
    assert possible((0, 1, won("a")), (2, 3, won("b", 3, latest=late)))
    refused = own("heartbeat", "a", status=409, code="LEASE_LOST", latest=late)
    assert possible((0, 1, won("a")), (2, 3, refused))
    assert not possible((0, 1, won("a")), (2, 3, own("heartbeat", "a", earliest=late, latest=late)))
    extended = own("heartbeat", "a", lease=late + LEASE)
    assert not possible((0, 1, won("a")), (2, 3, extended), (4, 5, won("b", 3, latest=late)))


def test_from_processing_nothing_comes_back() -> None:
    begun = own("process", "o", status=202)
    assert not possible((0, 1, won("a")), (2, 3, begun), (4, 5, own("release", "a")))
    assert not possible((0, 1, won("a")), (2, 3, begun), (4, 5, won("b", 3)))
    refused = own("release", "a", status=409, code="INVALID_STATE")
    assert possible((0, 1, won("a")), (2, 3, begun), (4, 5, refused), (6, 7, lost("b")))


def test_random_histories_are_accepted_and_their_double_claims_found() -> None:
    found = tried = 0
    for seed in range(300):
        rng = Random(seed)
        history = made(rng)
        assert linearizable(history, OrderState(), step), f"seed {seed}"
        for broken in filter(None, (doubled(history, rng) for _ in range(10))):
            tried += 1
            found += not linearizable(broken, OrderState(), step)
    assert tried > 1000
    assert found >= 0.99 * tried, f"{found} of {tried}"


def made(rng: Random) -> History:
    """Calls with one moment of effect each, answered in that order, and spread around that moment."""
    state, history, clock = OrderState(), [], START
    for number in range(rng.randint(5, 60)):
        clock += timedelta(minutes=rng.choice([0, 0, 1, 6]))
        what = rng.choice([*answers(state, clock, rng)])
        (state,) = step(state, what)
        begun, ended = number * 10 - rng.randint(1, 35), number * 10 + rng.randint(1, 35)
        if rng.random() < 0.05:
            silent = replace(what, status=0, code=None, got=None, got_epoch=None, lease=None)
            history.append(Call(begun, None, silent))
        else:
            history.append(Call(begun, ended, what))
    return history


def answers(now: OrderState, clock: datetime, rng: Random) -> Iterator[ClaimCall]:
    """The possible answers now."""
    user, times = rng.choice("abc"), {"earliest": clock, "latest": clock}
    over = now.lease is not None and now.lease <= clock
    free = now.reopened() if over else now if now.status == "open" else None
    if free is not None:
        claim, epoch = f"clm_{free.epoch + 1}", free.epoch + 1
        yield call("claim", user, 201, got=claim, got_epoch=epoch, lease=clock + LEASE, **times)
        return
    if now.user == user:
        yield call("claim", user, 200, got=now.claim, got_epoch=now.epoch, lease=now.lease, **times)
    else:
        yield call("claim", user, 409, code="ORDER_ALREADY_CLAIMED", **times)
    own = {"claim": now.claim, "epoch": now.epoch} | times
    if now.status == "held":
        yield call("heartbeat", now.user or "", lease=clock + LEASE, **own)
        yield call("release", now.user or "", **own)
        if rng.random() < 0.1:
            yield call("process", "o", 202, **own)
    else:
        yield call("release", now.user or "", 409, code="INVALID_STATE", **own)
