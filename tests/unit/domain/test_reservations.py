"""What orders and payments do to a supply, and how its status follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.desk import supplies
from shared.domain.desk.ledger import BrokenLedger
from shared.domain.desk.supplies import accepts, release, reserve, settle, unsettle
from shared.domain.errors import InvalidState
from tests.unit.domain.factories import COIN, ETH, NOW, TOKEN, supply

LATER = NOW + timedelta(hours=1)


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
