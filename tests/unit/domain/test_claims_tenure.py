"""Holding a claim: leases, heartbeats, epochs, and the ways to end it unpaid."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.desk import claims
from shared.domain.desk.claims import LEASE, LeaseLost
from shared.domain.errors import InvalidState
from tests.unit.domain.factories import MINUTE, NOW, claim, place, taken


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


def test_another_epoch_or_another_tenure_is_refused() -> None:
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
