"""Claims: one winner, every refusal, leases, heartbeats, epochs, and all ends without a payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.desk import claims, orders
from shared.domain.desk.claims import (
    LEASE,
    MAX_LIVE,
    ClaimExists,
    ClaimLimit,
    LeaseLost,
    OrderAlreadyClaimed,
    OrderExpired,
    OwnOrder,
)
from shared.domain.desk.orders import Order
from shared.domain.errors import InvalidState, InvalidValue, Refusal
from tests.unit.domain.factories import MINUTE, NOW, OWNER, claim, place, taken, wallet


def test_a_claim_takes_the_order() -> None:
    order, claimed, lapsed, replayed = taken()
    assert (order.status, order.claim_id, order.claimer_id) == ("claimed", "clm_usr_a", "usr_a")
    assert (order.claim_epoch, order.lease_until, order.version) == (1, NOW + LEASE, 2)
    assert (claimed.epoch, claimed.lease_until, claimed.version) == (1, NOW + LEASE, 1)
    assert (claimed.recipient, claimed.amount, claimed.order_user_id) == ("0xusr_a", 300, OWNER)
    assert (claimed.settlement_status, claimed.settlement_round) == ("none", 0)
    assert (lapsed, replayed) == (None, False)


def test_a_lease_ends_with_its_order() -> None:
    order = place(expires_at=NOW + MINUTE).order
    assert claim(order).claim.lease_until == NOW + MINUTE
    assert claim(place().order, lease=MINUTE).order.lease_until == NOW + MINUTE


def test_ones_own_order_is_refused() -> None:
    with pytest.raises(OwnOrder) as refused:
        claim(place().order, OWNER)
    assert refused.value.status == 403


def test_a_wallet_of_another_chain_or_a_deleted_one_is_refused() -> None:
    for wrong in (wallet(chain="other"), wallet(status="disabled")):
        with pytest.raises(InvalidValue) as refused:
            claim(place().order, wallet=wrong)
        assert refused.value.details[0]["field"] == "wallet_id"


def test_a_loser_is_refused_with_or_without_reading_the_holder() -> None:
    order, held, *_ = taken()
    assert not claims.must_read_holder(order, "usr_b", NOW)
    assert claims.must_read_holder(order, "usr_a", NOW)
    assert claims.must_read_holder(order, "usr_b", NOW + LEASE)
    assert not claims.must_read_holder(place().order, "usr_b", NOW)
    for holder in (None, held):
        with pytest.raises(OrderAlreadyClaimed):
            claim(order, "usr_b", holder=holder)


def test_what_the_order_alone_refuses_is_what_the_claim_would_refuse() -> None:
    order, held, *_ = taken()
    deleted = replace(order, status="cancelled", claim_id=None, claimer_id=None)
    over = replace(place().order, expires_at=NOW)
    cases: list[tuple[Order, str, datetime, type[Refusal] | None]] = [
        (place().order, "usr_b", NOW, None),
        (place().order, OWNER, NOW, OwnOrder),
        (order, "usr_b", NOW, OrderAlreadyClaimed),
        (order, "usr_a", NOW, None),
        (order, "usr_b", NOW + LEASE, None),
        (over, "usr_b", NOW, OrderExpired),
        (deleted, "usr_b", NOW, InvalidState),
    ]
    for row, who, now, refusal in cases:
        if refusal is None:
            claims.refuse_early(row, who, now)
            assert claim(row, who, now, holder=held).claim
            continue
        with pytest.raises(refusal):
            claims.refuse_early(row, who, now)
        with pytest.raises(refusal):
            claim(row, who, now)


def test_the_same_caller_and_wallet_again_is_a_replay() -> None:
    order, held, *_ = taken()
    again = claim(order, holder=held, claim_id="clm_new", leases=[NOW + LEASE] * MAX_LIVE)
    assert (again.order, again.claim, again.replayed) == (order, held, True)
    processing = replace(order, status="processing"), replace(held, status="processing", lease_until=None)
    assert claim(processing[0], holder=processing[1]).claim is processing[1]


def test_another_wallet_of_the_holder_is_refused() -> None:
    order, held, *_ = taken()
    with pytest.raises(ClaimExists) as refused:
        claim(order, holder=held, wallet=wallet("usr_a", id="wal_second"))
    assert refused.value.data == {"claim_id": held.id}


@pytest.mark.parametrize("status", ["processing", "completed", "failed"])
def test_from_processing_on_nobody_else_gets_it(status: str) -> None:
    order = replace(taken().order, status=status, lease_until=None)  # type: ignore[arg-type]
    assert not claims.must_read_holder(order, "usr_b", NOW + 10 * LEASE)
    with pytest.raises(OrderAlreadyClaimed):
        claim(order, "usr_b", now=NOW + 10 * LEASE)


def test_an_expired_or_cancelled_order_is_refused() -> None:
    order = place(expires_at=NOW + MINUTE).order
    with pytest.raises(OrderExpired):
        claim(order, now=NOW + MINUTE)
    with pytest.raises(OrderExpired):
        claim(replace(order, status="expired"))
    with pytest.raises(InvalidState) as refused:
        claim(replace(order, status="cancelled"))
    assert refused.value.data == {"status": "cancelled"}


def test_twenty_leases_at_a_time() -> None:
    running, over = NOW + MINUTE, NOW
    with pytest.raises(ClaimLimit) as refused:
        claim(place().order, leases=[running] * MAX_LIVE)
    assert refused.value.data == {"limit": 20}
    assert claim(place().order, leases=[running] * (MAX_LIVE - 1) + [over] * 5).claim


def test_a_lapsed_lease_is_taken_over_on_the_spot() -> None:
    order, held, *_ = taken()
    later = NOW + LEASE
    next_order, mine, lapsed, _ = claim(order, "usr_b", later, holder=held)
    assert lapsed is not None
    assert (lapsed.status, lapsed.reason, lapsed.lease_until) == ("expired", "LEASE_EXPIRED", None)
    assert (next_order.claim_id, next_order.claimer_id) == (mine.id, "usr_b")
    assert mine.epoch == next_order.claim_epoch > held.epoch
    with pytest.raises(LeaseLost):
        claims.heartbeat(held, next_order, later)


def test_a_holder_may_claim_again_after_lapsing_but_not_past_the_orders_time() -> None:
    order, held, *_ = taken()
    assert claim(order, now=NOW + LEASE, holder=held, claim_id="clm_2").claim.id == "clm_2"
    ending = claim(place(expires_at=NOW + MINUTE).order)
    with pytest.raises(OrderExpired):
        claim(ending.order, "usr_b", NOW + MINUTE, holder=ending.claim)
    deleted = orders.hide(order, NOW)
    with pytest.raises(OrderExpired):
        claim(deleted, "usr_b", NOW + LEASE, holder=held)


def test_a_claim_is_live_while_it_holds_its_order() -> None:
    _, held, *_ = taken()
    assert held.live(NOW)
    assert not held.live(NOW + LEASE)
    assert replace(held, status="processing", lease_until=None).live(NOW + LEASE)
    assert not replace(held, status="failed", lease_until=None).live(NOW)
    assert not replace(held, status="processed", lease_until=None).live(NOW)


def test_heartbeats_extend_up_to_two_hours() -> None:
    order, held, *_ = taken()
    assert claims.heartbeat(held, order, NOW) is held
    beats = held
    for minutes in range(10, 120, 10):
        now = NOW + minutes * MINUTE
        after = claims.heartbeat(beats, order, now)
        assert after.version == beats.version + 1
        assert after.lease_until == min(now + LEASE, NOW + timedelta(hours=2))
        beats = after
    assert claims.heartbeat(beats, order, NOW + 115 * MINUTE) is beats
    assert beats.lease_until == NOW + timedelta(hours=2)
    with pytest.raises(LeaseLost) as refused:
        claims.heartbeat(beats, order, NOW + timedelta(hours=2))
    assert refused.value.data == {"status": "expired"}


def test_a_heartbeat_never_passes_the_orders_expiry() -> None:
    order, held, *_ = claim(place(expires_at=NOW + 20 * MINUTE).order)
    assert claims.heartbeat(held, order, NOW + 10 * MINUTE).lease_until == NOW + 20 * MINUTE


def test_another_epoch_or_another_claim_is_refused() -> None:
    order, held, *_ = taken()
    assert claims.release(held, order, NOW, epoch=1).claim.status == "released"
    for rule in (claims.heartbeat, claims.release):
        with pytest.raises(LeaseLost):
            rule(held, order, NOW, epoch=2)
        with pytest.raises(LeaseLost):
            rule(held, replace(order, claim_id="clm_other"), NOW)
        with pytest.raises(LeaseLost):
            rule(held, order, NOW + LEASE)


@pytest.mark.parametrize("status", ["processing", "processed", "failed"])
def test_from_processing_on_nothing_is_given_back(status: str) -> None:
    order, held, *_ = taken()
    held = replace(held, status=status, lease_until=None)  # type: ignore[arg-type]
    for rule in (claims.heartbeat, claims.release):
        with pytest.raises(InvalidState) as refused:
            rule(held, order, NOW)
        assert refused.value.data == {"status": status}
    with pytest.raises(InvalidState):
        claims.reject(held, order, "no", NOW)
    with pytest.raises(InvalidState):
        claims.lapse(order, held, NOW + 10 * LEASE)


def test_releasing_and_rejecting_open_the_order_again() -> None:
    order, held, *_ = taken()
    released = claims.release(held, order, NOW)
    assert (released.claim.status, released.order.status, released.order.claim_epoch) == (
        "released",
        "open",
        2,
    )
    rejected = claims.reject(held, order, "not you", NOW)
    assert (rejected.claim.status, rejected.claim.reason) == ("rejected", "not you")
    with pytest.raises(LeaseLost) as refused:
        claims.release(released.claim, released.order, NOW)
    assert refused.value.data == {"status": "released"}
    with pytest.raises(InvalidState) as again:
        claims.reject(rejected.claim, rejected.order, "again", NOW)
    assert again.value.data == {"status": "rejected"}


def test_a_lapsed_claim_cannot_be_rejected_and_a_running_one_does_not_lapse() -> None:
    order, held, *_ = taken()
    with pytest.raises(InvalidState) as refused:
        claims.reject(held, order, "late", NOW + LEASE)
    assert refused.value.data == {"status": "expired"}
    with pytest.raises(InvalidState):
        claims.lapse(order, held, NOW + LEASE - MINUTE)
    assert claims.lapse(order, held, NOW + LEASE).order.status == "open"


def test_releasing_past_the_orders_time_expires_it() -> None:
    order, held, *_ = claim(place(expires_at=NOW + MINUTE).order)
    ended = claims.lapse(order, held, NOW + MINUTE)
    assert (ended.order.status, ended.claim.status) == ("expired", "expired")
