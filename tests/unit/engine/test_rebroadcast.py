"""When the same bytes are sent again and when the fee increases: decided from rows and the chain's own time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared.chain.registry import Registry
from shared.domain.transactions import acceptance, lanes
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.fees import FeeCaps, Fees
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine import rebroadcast

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GWEI = 10**9
SENDER = "0x" + "a1" * 20


def sent(
    outcome: str = "sent", *, nonce: int = 0, age: float = 60.0, sends: int = 1
) -> tuple[Transaction, Attempt]:
    """A submitted transaction whose only attempt was made `age` seconds ago."""
    then = NOW - timedelta(seconds=age)
    intent = Intent("wal_1", "usr_1", "local", SENDER, "0x" + "b2" * 20, value=1)
    accepted = acceptance.accept(
        intent, f"txn_{nonce}", "usr_1", f"k{nonce}", then, committed_value=1, committed_gas=10**17
    )
    lane = lanes.open_lane("local", SENDER, latest=nonce, pending=nonce, finalized=0, now=then)
    (nonced,) = lanes.allocate(lane, [accepted], 16, then)[1]
    planned = attempt_rules.plan(
        nonced, None, Fees(4 * GWEI, GWEI), FeeCaps(500 * GWEI, 100 * GWEI), noop_gas=21_000
    )
    row, attempt = attempt_rules.persist(
        nonced, planned, None, then, raw=b"raw", tx_hash=f"0x{nonce}", expected_attempts=0
    )
    row, attempt, _ = attempt_rules.record_send(row, attempt, outcome, then, 1.0)  # type: ignore[arg-type]
    return replace(row, next_action_at=NOW), replace(attempt, send_count=sends)


def view(*, head_age: float = 0.0) -> Any:
    head = SimpleNamespace(number=100, timestamp=int((NOW - timedelta(seconds=head_age)).timestamp()))
    client = SimpleNamespace(spec=Registry.DEFAULT.chain("local"))
    return SimpleNamespace(now=NOW, head=head, client=client)


def wants(row: Transaction, attempt: Attempt, *, latest: int = 0, head_age: float = 0.0) -> bool:
    return rebroadcast.wants_attempt(view(head_age=head_age), row, [attempt], latest)


@pytest.mark.parametrize(
    ("outcome", "age", "wanted"),
    [
        ("known", 60, True),
        ("known", 3, False),
        ("sent", 60, True),
        ("sent", 3, False),
        ("replacement_underpriced", 60, True),
        ("underpriced", 0, True),
        ("ambiguous", 60, False),
        ("nonce_too_low", 60, False),
        ("nonce_too_high", 60, False),
    ],
)
def test_the_head_is_bumped_when_a_node_has_it_and_blocks_pass(
    outcome: str, age: float, wanted: bool
) -> None:
    assert wants(*sent(outcome, age=age)) is wanted


def test_followers_wait_for_the_head() -> None:
    row, attempt = sent("known", nonce=3)
    assert not wants(row, attempt, latest=2)
    assert wants(row, attempt, latest=3)


def test_nothing_is_offered_while_the_chain_stands_still() -> None:
    assert not wants(*sent("known", age=60), head_age=58)


def test_bytes_that_a_node_had_lost_get_time_again() -> None:
    row, attempt = sent("known", age=60)
    assert wants(row, attempt)
    assert not wants(row, replace(attempt, last_result="sent", last_sent_at=NOW - timedelta(seconds=2)))


def test_what_is_undone_gets_its_noop_at_once_and_once() -> None:
    row, attempt = sent("known", age=1)
    undone = attempt_rules.undo(row, "cancelled", NOW)
    assert wants(undone, attempt)
    assert not wants(undone, replace(attempt, kind="noop"))


def test_a_blocked_one_is_sent_again_but_offers_no_more() -> None:
    row, attempt = sent("known")
    for reason in ("FUNDS_BLOCKED", "FEE_BLOCKED"):
        blocked = replace(attempt_rules.block(row, reason, NOW, 1.0), next_action_at=NOW)  # type: ignore[arg-type]
        assert not wants(blocked, attempt)
        assert rebroadcast.to_resend(view(), [blocked], {row.id: [attempt]}) == [blocked]
    foreign = attempt_rules.block(row, "FOREIGN_NONCE", NOW, 1.0)
    assert rebroadcast.to_resend(view(), [foreign], {row.id: [attempt]}) == []


def test_a_missing_nonce_sends_the_whole_lane_again_in_order() -> None:
    pairs = [sent("known", nonce=0), sent("nonce_too_high", nonce=1), sent("known", nonce=2)]
    later = [replace(row, next_action_at=NOW + timedelta(minutes=1)) for row, _ in pairs]
    attempts = {row.id: [attempt] for row, attempt in pairs}
    assert rebroadcast.to_resend(view(), later, attempts) == []
    later[1] = replace(later[1], next_action_at=NOW)
    assert [row.nonce for row in rebroadcast.to_resend(view(), later, attempts)] == [0, 1, 2]
