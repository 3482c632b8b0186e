"""T1 and T8: nonces in order, the in-flight limit, foreign senders, gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidState
from shared.domain.transactions import acceptance, lanes
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.lanes import Lane, LaneMoved, LanePaused, WrongLane
from shared.domain.transactions.transactions import Transaction

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = "0x" + "A1" * 20


def lane(latest: int = 0, pending: int = 0, finalized: int = 0) -> Lane:
    return lanes.open_lane("local", SENDER, latest=latest, pending=pending, finalized=finalized, now=NOW)


def queued(count: int, sender: str = SENDER) -> list[Transaction]:
    intent = Intent("wal_1", "usr_1", "local", sender, "0x" + "b2" * 20)
    return [
        acceptance.accept(intent, f"txn_{n}", "usr_1", f"k{n}", NOW, committed_value=0, committed_gas=10**16)
        for n in range(count)
    ]


def test_a_lane_starts_after_what_is_already_on_its_way() -> None:
    assert lane(latest=3, pending=5).next_nonce == 5
    assert lane(latest=3, pending=1).next_nonce == 3
    assert lane().id == f"local:{SENDER.lower()}"


def test_a_lanes_id_says_its_chain_and_address() -> None:
    name = lanes.lane_id("base", SENDER)
    assert lanes.lane_address(name) == SENDER.lower()
    first, last = lanes.lane_range("base")
    assert first < name < last
    for other in ("bas", "base-sepolia", "basf", "local"):
        assert not first < lanes.lane_id(other, SENDER) < last


def test_nonces_are_given_in_order_and_the_rest_waits() -> None:
    moved, given = lanes.allocate(lane(latest=4, pending=4), queued(5), 3, NOW)
    assert [transaction.nonce for transaction in given] == [4, 5, 6]
    assert {transaction.state for transaction in given} == {"nonced"}
    assert (moved.next_nonce, moved.in_flight) == (7, 3)
    again, none = lanes.allocate(moved, queued(1), 3, NOW)
    assert (again, none) == (moved, ())


def test_at_most_a_batch_at_once() -> None:
    _, given = lanes.allocate(lane(), queued(40), 1024, NOW)
    assert len(given) == lanes.MAX_BATCH


def test_a_place_is_free_when_mined_not_when_final() -> None:
    full, _ = lanes.allocate(lane(), queued(2), 2, NOW)
    synced, foreign = lanes.sync(full, NOW, latest=1, finalized=0)
    assert not foreign
    assert lanes.room(synced, 2) == 1


def test_refusals_of_allocation() -> None:
    with pytest.raises(LanePaused):
        lanes.allocate(lanes.pause(lane(), "FUNDS_BLOCKED", NOW), queued(1), 16, NOW)
    with pytest.raises(LaneMoved):
        lanes.allocate(lane(), queued(1), 16, NOW, expected_next_nonce=1)
    with pytest.raises(WrongLane):
        lanes.allocate(lane(), queued(1, sender="0x" + "c3" * 20), 16, NOW)
    _, (nonced,) = lanes.allocate(lane(), queued(1), 16, NOW)
    with pytest.raises(InvalidState):
        lanes.allocate(lane(), [nonced], 16, NOW)


def test_a_foreign_transaction_holds_the_lane_until_it_is_final_or_gone() -> None:
    overtaken, foreign = lanes.sync(lane(), NOW, latest=1, finalized=0)
    assert foreign
    assert overtaken.next_nonce == 0  # the head block can disappear
    assert lanes.room(overtaken, 16) == 0
    gone, _ = lanes.sync(overtaken, NOW, latest=0, finalized=0)
    assert lanes.room(gone, 16) == 16
    raised, foreign = lanes.sync(overtaken, NOW, latest=1, finalized=1)
    assert foreign
    assert (raised.next_nonce, lanes.room(raised, 16)) == (1, 16)


def test_only_what_was_ours_to_give_is_filled() -> None:
    busy = replace(lane(), next_nonce=5, finalized_nonce=2)
    assert [lanes.ours_to_fill(busy, nonce) for nonce in (1, 2, 4, 5)] == [False, True, True, False]


def test_pausing_twice_writes_once() -> None:
    paused = lanes.pause(lane(), "FOREIGN_NONCE", NOW)
    assert lanes.pause(paused, "FOREIGN_NONCE", NOW) is paused
    assert lanes.resume(paused, NOW).paused_reason is None


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "FOREIGN_NONCE"), ("FUNDS_BLOCKED", "FOREIGN_NONCE"), ("RESTORED", "RESTORED")],
)
def test_a_foreign_sender_replaces_only_a_pause_that_ends_by_itself(before: str | None, after: str) -> None:
    paused = replace(lane(), paused_reason=before)
    assert lanes.pause_for_foreign(paused, NOW).paused_reason == after


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 8)), max_size=30))
def test_next_nonce_never_falls_and_the_floor_is_final(steps: list[tuple[int, int, int]]) -> None:
    now_lane, given_nonces = lane(), []
    for latest, finalized, count in steps:
        before = now_lane
        now_lane, _ = lanes.sync(now_lane, NOW, latest=latest, finalized=finalized)
        assert now_lane.next_nonce >= before.next_nonce
        assert now_lane.next_nonce in (before.next_nonce, now_lane.finalized_nonce)
        now_lane, given = lanes.allocate(now_lane, queued(count), 16, NOW)
        given_nonces += [transaction.nonce for transaction in given]
        assert now_lane.in_flight <= 16 or not given
    assert len(set(given_nonces)) == len(given_nonces)  # I2
    assert given_nonces == sorted(given_nonces)
