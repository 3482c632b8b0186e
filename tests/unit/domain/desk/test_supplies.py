"""Supplies: activation, owners' changes, effects of orders and payments, closing, expiry, and the events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.desk import supplies
from shared.domain.desk.ledger import BrokenLedger
from shared.domain.desk.supplies import (
    UNDERFUNDED,
    AmountInUse,
    Supply,
    SupplyReserved,
    accepts,
    release,
    reserve,
    settle,
    unsettle,
)
from shared.domain.errors import InvalidState, InvalidValue
from shared.domain.money import MAX_AMOUNT
from tests.unit.domain.factories import COIN, ETH, MINUTE, NOW, OWNER, TOKEN, supply

LATER = NOW + timedelta(hours=1)


def balances(row: Supply) -> tuple[int, int, int, int]:
    return row.amount, row.available, row.reserved, row.settled


def test_a_new_supply_is_pending_and_all_available() -> None:
    made = supply(status="pending", expires_at=LATER)
    assert (made.status, made.version, made.asset, made.live) == ("pending", 1, COIN, False)
    assert balances(made) == (1000, 1000, 0, 0)


@pytest.mark.parametrize("wrong", [{"expires_at": NOW}, {"amount": MAX_AMOUNT + 1}])
def test_an_impossible_supply_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        supply(**wrong)


def test_activation_and_rejection_happen_once_from_pending() -> None:
    pending = supply(status="pending")
    assert supplies.activate(pending, NOW).status == "active"
    rejected = supplies.reject(pending, "INSUFFICIENT_GAS", NOW)
    assert (rejected.status, rejected.reason, rejected.version) == ("rejected", "INSUFFICIENT_GAS", 2)
    for other in ("active", "paused", "closed", "rejected"):
        with pytest.raises(InvalidState) as refused:
            supplies.activate(supply(status=other), NOW)
        assert refused.value.data == {"status": other}
        with pytest.raises(InvalidState):
            supplies.reject(supply(status=other), "INSUFFICIENT_BALANCE", NOW)


def test_pausing_twice_changes_nothing_and_the_owners_wish_stands_above() -> None:
    paused = supplies.pause(supply(), NOW)
    assert supplies.pause(paused, NOW) is paused
    assert supplies.pause(paused, NOW, UNDERFUNDED) is paused
    short = supplies.pause(supply(), NOW, UNDERFUNDED)
    assert (short.status, short.reason) == ("paused", "underfunded")
    assert supplies.pause(short, NOW).reason is None
    assert supplies.resume(short, NOW).reason is None


@pytest.mark.parametrize("status", ["pending", "closed", "rejected"])
def test_only_what_runs_is_paused_or_resumed(status: str) -> None:
    for rule in (supplies.pause, supplies.resume):
        with pytest.raises(InvalidState) as refused:
            rule(supply(status=status), NOW)
        assert refused.value.data == {"status": status}


def test_what_has_nothing_available_resumes_as_exhausted() -> None:
    exhausted = reserve(supply(), 1000, "ord_1", NOW).supply
    assert exhausted.status == "exhausted"
    assert supplies.resume(exhausted, NOW) is exhausted
    assert supplies.resume(supplies.pause(exhausted, NOW), NOW).status == "exhausted"


def test_raising_funds_and_lowering_withdraws() -> None:
    raised = supplies.update(supply(), NOW, amount=1500)
    assert balances(raised.supply) == (1500, 1500, 0, 0)
    assert [e.verb for e in raised.entries] == ["fund", "fund"]
    lowered = supplies.update(raised.supply, NOW, amount=400)
    assert balances(lowered.supply) == (400, 400, 0, 0)
    assert [e.verb for e in lowered.entries] == ["withdraw", "withdraw"]
    with pytest.raises(InvalidValue):
        supplies.update(supply(), NOW, amount=MAX_AMOUNT + 1)


def test_what_is_reserved_or_settled_cannot_be_lowered_away() -> None:
    used = settle(reserve(supply(), 500, "ord_1", NOW).supply, 200, "txn_1", NOW).supply
    with pytest.raises(AmountInUse) as refused:
        supplies.update(used, NOW, amount=499)
    assert refused.value.data == {"minimum": "5"}
    lowered = supplies.update(used, NOW, amount=500).supply
    assert (lowered.status, balances(lowered)) == ("exhausted", (500, 0, 300, 200))
    assert supplies.update(lowered, NOW, amount=501).supply.status == "active"


def test_lowering_to_what_is_settled_closes() -> None:
    used = settle(reserve(supply(), 500, "ord_1", NOW).supply, 500, "txn_1", NOW).supply
    assert supplies.update(used, NOW, amount=500).supply.status == "closed"


def test_several_changes_are_one_version() -> None:
    before = supply()
    after = supplies.update(before, LATER, amount=2000, status="paused", expires_at=LATER + MINUTE)
    assert (after.supply.version, after.supply.status) == (before.version + 1, "paused")
    assert (after.supply.updated_at, after.supply.expires_at) == (LATER, LATER + MINUTE)
    assert {e.supply_version for e in after.entries} == {before.version + 1}
    assert supplies.update(after.supply, LATER, expires_at=None).supply.expires_at is None


def test_an_update_without_change_is_no_change() -> None:
    same = supply()
    assert supplies.update(same, LATER, amount=1000, status="active", expires_at=None) == (same, ())
    pending = supply(status="pending")
    assert supplies.update(pending, NOW, amount=500).supply.status == "pending"


@pytest.mark.parametrize("status", ["closed", "rejected"])
def test_what_is_over_cannot_be_changed(status: str) -> None:
    with pytest.raises(InvalidState) as refused:
        supplies.update(supply(status=status), NOW, amount=5)
    assert refused.value.data == {"status": status}


def test_an_expiry_in_the_past_and_a_pending_pause_are_refused() -> None:
    with pytest.raises(InvalidValue):
        supplies.update(supply(), NOW, expires_at=NOW)
    with pytest.raises(InvalidState):
        supplies.update(supply(status="pending"), NOW, status="active")


@pytest.mark.parametrize("status", ["pending", "active", "paused"])
def test_closing_withdraws_what_is_available(status: str) -> None:
    closed = supplies.close(supply(status=status), NOW)
    assert (closed.supply.status, balances(closed.supply)) == ("closed", (0, 0, 0, 0))
    assert [(e.verb, e.amount) for e in closed.entries] == [("withdraw", -1000), ("withdraw", 1000)]


def test_closing_waits_for_reservations_and_keeps_what_is_settled() -> None:
    held = reserve(supply(), 300, "ord_1", NOW).supply
    with pytest.raises(SupplyReserved) as refused:
        supplies.close(held, NOW)
    assert refused.value.data == {"reserved": "3"}
    closed = supplies.close(settle(held, 300, "txn_1", NOW).supply, NOW).supply
    assert balances(closed) == (300, 0, 0, 300)
    for over in (closed, supply(status="rejected")):
        with pytest.raises(InvalidState):
            supplies.close(over, NOW)


def test_expiry_closes_once_nothing_is_reserved() -> None:
    row = supply(expires_at=LATER)
    assert supplies.expire(row, LATER - MINUTE) == (row, ())
    held = reserve(row, 300, "ord_1", NOW).supply
    assert supplies.expire(held, LATER) == (held, ())
    free = release(held, 300, "ord_1", LATER).supply
    closed = supplies.expire(free, LATER).supply
    assert closed.status == "closed"
    assert supplies.expire(closed, LATER) == (closed, ())
    assert supplies.expire(supply(status="pending", expires_at=LATER), LATER).supply.status == "closed"


def test_each_change_has_its_event() -> None:
    pending, active, paused = supply(status="pending"), supply(), supply(status="paused")
    exhausted = reserve(active, 1000, "ord_1", NOW).supply
    assert supplies.event(None, pending) == "supply.created"
    assert supplies.event(pending, active) == "supply.activated"
    assert supplies.event(pending, supply(status="rejected")) == "supply.rejected"
    assert supplies.event(active, supplies.update(active, NOW, amount=5).supply) == "supply.updated"
    assert supplies.event(active, paused) == "supply.paused"
    assert supplies.event(paused, active) == "supply.resumed"
    assert supplies.event(paused, exhausted) == "supply.resumed"
    assert supplies.event(active, exhausted) == "supply.exhausted"
    assert supplies.event(exhausted, active) == "supply.updated"
    assert supplies.event(active, supply(status="closed")) == "supply.closed"


def test_a_new_supply_belongs_to_its_owner() -> None:
    assert supply().user_id == OWNER


def test_a_reservation_moves_the_part() -> None:
    held = reserve(supply(), 300, "ord_1", NOW)
    assert (held.supply.available, held.supply.reserved, held.supply.status) == (700, 300, "active")
    assert {e.reference for e in held.entries} == {"ord_1"}
    assert reserve(held.supply, 700, "ord_2", NOW).supply.status == "exhausted"


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_more_than_is_available_is_refused(amount: int) -> None:
    with pytest.raises(InvalidState):
        reserve(supply(), amount, "ord_1", NOW)


@pytest.mark.parametrize("status", ["pending", "paused", "closed", "rejected"])
def test_only_an_active_supply_takes_reservations(status: str) -> None:
    assert not accepts(supply(status=status), COIN, NOW)
    with pytest.raises(InvalidState) as refused:
        reserve(supply(status=status), 1, "ord_1", NOW)
    assert refused.value.data == {"status": status}


def test_an_expired_supply_or_another_asset_takes_none() -> None:
    row = supply(expires_at=LATER)
    assert accepts(row, COIN, LATER - timedelta(microseconds=1))
    assert not accepts(row, COIN, LATER)
    assert not accepts(row, ETH, NOW)
    assert not accepts(row, TOKEN, NOW)
    with pytest.raises(InvalidState):
        reserve(row, 1, "ord_1", LATER)


def test_release_makes_an_exhausted_supply_active_and_leaves_a_paused_one_paused() -> None:
    exhausted = reserve(supply(), 1000, "ord_1", NOW).supply
    assert release(exhausted, 1, "ord_1", NOW).supply.status == "active"
    paused = supplies.pause(exhausted, NOW)
    assert release(paused, 1000, "ord_1", NOW).supply.status == "paused"


@pytest.mark.parametrize("pause_first", [False, True])
def test_a_supply_that_is_settled_whole_closes(pause_first: bool) -> None:
    held = reserve(supply(), 1000, "ord_1", NOW).supply
    held = supplies.pause(held, NOW) if pause_first else held
    part = settle(held, 400, "txn_1", NOW).supply
    assert part.status == ("paused" if pause_first else "exhausted")
    whole = settle(part, 600, "txn_2", NOW).supply
    assert (whole.status, whole.amount, whole.settled) == ("closed", 1000, 1000)


def test_more_than_is_reserved_or_settled_is_a_defect() -> None:
    held = reserve(supply(), 300, "ord_1", NOW).supply
    for rule in (release, settle):
        with pytest.raises(BrokenLedger):
            rule(held, 301, "x", NOW)
    with pytest.raises(BrokenLedger):
        unsettle(held, 1, "x", NOW)


def test_a_payout_taken_back_is_reserved_again() -> None:
    paid = settle(reserve(supply(), 300, "ord_1", NOW).supply, 300, "txn_1", NOW).supply
    back = unsettle(paid, 300, "txn_1", NOW)
    assert (back.supply.reserved, back.supply.settled) == (300, 0)
    assert {e.verb for e in back.entries} == {"adjust"}


def test_a_closed_supply_hands_what_comes_back_on_to_the_wallet() -> None:
    closed = settle(reserve(supply(), 1000, "ord_1", NOW).supply, 1000, "txn_1", NOW).supply
    back = unsettle(closed, 1000, "txn_1", NOW).supply
    assert (back.status, back.reserved) == ("closed", 1000)
    gone = release(back, 1000, "ord_1", NOW)
    assert (gone.supply.status, gone.supply.amount, gone.supply.version) == ("closed", 0, back.version + 2)
    assert [e.verb for e in gone.entries] == ["release", "release", "withdraw", "withdraw"]
