"""Orders: exact totals, placing, changing, and all ends without a payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.desk import orders
from shared.domain.desk.allocation import InsufficientSupply
from shared.domain.desk.orders import MAX_ITEMS, Line, Order
from shared.domain.errors import InvalidState, InvalidValue
from shared.domain.money import MAX_AMOUNT
from tests.unit.domain.factories import MINUTE, NOW, line, place, supply

LATER = NOW + timedelta(hours=1)


def an_order(status: str = "open", **more: object) -> Order:
    return replace(place().order, status=status, **more)  # type: ignore[arg-type]


def test_totals_are_exact() -> None:
    rows = orders.items("ord_1", [Line("a", "A", "0.01", 3), Line("b", "B", "19.99", 2)], 2)
    assert [(r.line, r.price, r.quantity, r.total) for r in rows] == [(0, 1, 3, 3), (1, 1999, 2, 3998)]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], "items"),
        ([line()] * (MAX_ITEMS + 1), "items"),
        ([line(), line(price="0.001")], "items.1.price"),
        ([line(price="0")], "items.0.price"),
        ([line(price="-1")], "items.0.price"),
        ([line(quantity=0)], "items.0.quantity"),
        ([line(quantity=10**9 + 1)], "items.0.quantity"),
        ([line(price="9" * 27), line(price="0.99"), line(price="0.01")], "items.2"),
        ([line(price="9" * 20, quantity=10**9)], "items.0"),
    ],
)
def test_impossible_items_are_refused_by_name(lines: list[Line], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        orders.items("ord_1", lines, 2)
    assert refused.value.details[0]["field"] == field


def test_two_hundred_items_and_the_whole_bound_fit() -> None:
    assert len(orders.items("ord_1", [line()] * MAX_ITEMS, 2)) == MAX_ITEMS
    assert orders.items("ord_1", [line(price="9" * 27), line(price="0.99")], 2)[0].total < MAX_AMOUNT


def test_placing_reserves_the_total() -> None:
    placed = place(
        supply(200, supply_id="sup_a"), supply(150, supply_id="sup_b"), note="soon", expires_at=LATER
    )
    assert (placed.order.amount, placed.order.status, placed.order.version) == (300, "open", 1)
    assert (placed.order.claim_id, placed.order.claim_epoch, placed.order.hidden) == (None, 0, False)
    assert [(a.id, a.supply_id, a.amount) for a in placed.allocations] == [
        ("alc_1", "sup_a", 200),
        ("alc_2", "sup_b", 100),
    ]
    assert [(m.supply.reserved, m.supply.status) for m in placed.moves] == [
        (200, "exhausted"),
        (100, "active"),
    ]
    assert {e.reference for m in placed.moves for e in m.entries} == {"ord_1"}
    assert placed.order.visible_to_all(NOW)
    assert not placed.order.visible_to_all(LATER)


def test_anothers_supply_never_pays() -> None:
    with pytest.raises(InsufficientSupply) as refused:
        place(supply(user_id="usr_other"))
    assert refused.value.data == {"shortfall": "3"}


def test_an_expiry_in_the_past_is_refused() -> None:
    with pytest.raises(InvalidValue):
        place(expires_at=NOW)


def test_cancelling_gives_everything_back() -> None:
    placed = place(supply(200, supply_id="sup_a"), supply(150, supply_id="sup_b"))
    ended = orders.cancel(placed.order, placed.allocations, [m.supply for m in placed.moves], LATER)
    assert (ended.order.status, ended.order.version, ended.order.updated_at) == ("cancelled", 2, LATER)
    assert {a.status for a in ended.allocations} == {"released"}
    assert [(m.supply.available, m.supply.status) for m in ended.moves] == [(200, "active"), (150, "active")]


@pytest.mark.parametrize("status", ["claimed", "processing", "completed", "failed", "cancelled", "expired"])
def test_only_an_open_order_is_cancelled_or_expires(status: str) -> None:
    order = an_order(status, expires_at=NOW)
    for rule in (orders.cancel, orders.expire):
        with pytest.raises(InvalidState) as refused:
            rule(order, [], [], NOW)
        assert refused.value.data == {"status": status}


def test_expiry_comes_on_time() -> None:
    placed = place(expires_at=LATER)
    reserved = [m.supply for m in placed.moves]
    with pytest.raises(InvalidState):
        orders.expire(placed.order, placed.allocations, reserved, LATER - MINUTE)
    with pytest.raises(InvalidState):
        orders.expire(an_order(), placed.allocations, reserved, LATER)
    ended = orders.expire(placed.order, placed.allocations, reserved, LATER)
    assert (ended.order.status, ended.moves[0].supply.reserved) == ("expired", 0)


def test_the_note_can_always_change() -> None:
    for status in ("open", "processing", "completed", "expired"):
        assert orders.update(an_order(status), NOW, note="later").note == "later"
    noted = an_order(note="x")
    assert orders.update(noted, NOW, note=None).note is None
    assert orders.update(noted, LATER, note="x", expires_at=None) is noted


def test_the_expiry_changes_only_before_processing_and_before_it_has_come() -> None:
    for status in ("open", "claimed"):
        changed = orders.update(an_order(status), NOW, expires_at=LATER)
        assert (changed.expires_at, changed.version) == (LATER, 2)
    for status in ("processing", "completed", "failed", "cancelled", "expired"):
        with pytest.raises(InvalidState) as refused:
            orders.update(an_order(status), NOW, expires_at=LATER)
        assert refused.value.data == {"status": status}
    with pytest.raises(InvalidState) as refused:
        orders.update(an_order(expires_at=NOW), NOW, expires_at=LATER)
    assert refused.value.data == {"status": "expired"}
    with pytest.raises(InvalidValue):
        orders.update(an_order(), NOW, expires_at=NOW)


def test_what_is_past_its_time_expires_and_is_not_cancelled() -> None:
    placed = place(expires_at=LATER)
    reserved = [moved.supply for moved in placed.moves]
    with pytest.raises(InvalidState) as refused:
        orders.cancel(placed.order, placed.allocations, reserved, LATER)
    assert refused.value.data == {"status": "expired"}


def test_every_order_but_an_open_one_can_be_hidden() -> None:
    for status in ("claimed", "processing", "completed", "cancelled"):
        hidden = orders.hide(an_order(status), NOW)
        assert (hidden.status, hidden.hidden, hidden.version) == (status, True, 2)
        assert orders.hide(hidden, NOW) is hidden
    with pytest.raises(InvalidState):
        orders.hide(an_order(), NOW)


def test_an_order_opens_again_with_a_higher_epoch_unless_it_is_over() -> None:
    claimed = an_order("claimed", claim_id="clm_1", claimer_id="usr_2", claim_epoch=3, lease_until=NOW)
    again = orders.reopened(claimed, NOW)
    assert (again.status, again.claim_epoch, again.claim_id) == ("open", 4, None)
    assert (again.claimer_id, again.lease_until) == (None, None)
    assert orders.reopened(replace(claimed, expires_at=NOW), NOW).status == "expired"
    assert orders.reopened(replace(claimed, hidden=True), NOW).status == "expired"
    with pytest.raises(InvalidState):
        orders.reopened(an_order("processing"), NOW)
