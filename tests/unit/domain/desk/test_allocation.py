"""The choice of the supplies that pay an order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.desk import supplies
from shared.domain.desk.allocation import (
    InsufficientSupply,
    TooFragmented,
    allocate,
    choose,
    release_all,
    shares,
    with_status,
)
from shared.domain.errors import InvalidState
from tests.unit.domain.factories import COIN, ETH, NOW, supply


def supplies_of(*amounts: int) -> list[supplies.Supply]:
    return [supply(amount, supply_id=f"sup_{n}") for n, amount in enumerate(amounts)]


def chosen(amount: int, *amounts: int, order_id: str = "ord_1") -> list[tuple[str, int]]:
    return [
        (part.supply.id, part.amount) for part in choose(order_id, COIN, amount, supplies_of(*amounts), NOW)
    ]


def test_one_that_covers_it_is_taken_alone() -> None:
    assert chosen(500, 499, 500, 499) == [("sup_1", 500)]


def test_orders_spread_over_those_that_cover_and_stay_where_they_are() -> None:
    picks = [chosen(1, 10, 10, 10, 10, order_id=f"ord_{n}")[0][0] for n in range(200)]
    assert all(30 < picks.count(f"sup_{n}") < 80 for n in range(4))
    assert picks == [chosen(1, 10, 10, 10, 10, order_id=f"ord_{n}")[0][0] for n in range(200)]


def test_the_choice_does_not_depend_on_the_order_of_reading() -> None:
    rows = supplies_of(10, 10, 10)
    assert choose("ord_1", COIN, 5, rows, NOW) == choose("ord_1", COIN, 5, rows[::-1], NOW)


def test_else_the_fewest_the_largest_first() -> None:
    assert chosen(900, 100, 400, 300, 500) == [("sup_3", 500), ("sup_1", 400)]
    assert chosen(901, 100, 400, 300, 500) == [("sup_3", 500), ("sup_1", 400), ("sup_2", 1)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_parts_make_the_whole_and_no_smaller_number_would_do(amounts: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(1, sum(amounts)))
    parts = chosen(total, *amounts)
    assert sum(part for _, part in parts) == total
    assert sum(sorted(amounts, reverse=True)[: len(parts) - 1]) < total


def test_too_little_is_shared_out_whole() -> None:
    assert shares("ord_1", 90, {"sup_a": 20, "sup_b": 60}) == (("sup_b", 60), ("sup_a", 20))


def test_a_shortfall_is_told_as_a_decimal_string() -> None:
    with pytest.raises(InsufficientSupply) as refused:
        chosen(1050, 500, 400)
    assert refused.value.data == {"shortfall": "1.5"}


def test_eight_parts_at_most() -> None:
    assert len(chosen(80, *[10] * 9)) == 8
    with pytest.raises(TooFragmented) as refused:
        chosen(81, *[10] * 9)
    assert refused.value.data == {"limit": 8}
    with pytest.raises(InsufficientSupply):
        chosen(91, *[10] * 9)


def test_what_takes_no_reservations_is_left_out() -> None:
    soon = NOW + timedelta(hours=1)
    rows = [
        supply(supply_id="sup_p", status="paused"),
        supply(supply_id="sup_w", status="pending"),
        supply(supply_id="sup_e", asset=ETH),
        supply(supply_id="sup_x", expires_at=soon),
    ]
    assert choose("ord_1", COIN, 1, rows, NOW)[0].supply.id == "sup_x"
    with pytest.raises(InsufficientSupply) as refused:
        choose("ord_1", COIN, 1, rows, soon)
    assert refused.value.data == {"shortfall": "0.01"}


def test_only_what_is_still_reserved_goes_back() -> None:
    one, two = supplies_of(100, 200)
    (a, moved_a), (b, moved_b) = (
        allocate("ord_1", "alc_a", one, 60, NOW),
        allocate("ord_1", "alc_b", two, 70, NOW),
    )
    assert (a.amount, a.settled, a.status, a.supply_id) == (60, 0, "reserved", "sup_0")
    settled = with_status(a, "settled", NOW)
    assert (settled.settled, settled.version) == (60, 2)
    back = release_all("ord_1", [settled, b], [moved_a.supply, moved_b.supply], NOW)
    assert [(x.id, x.status) for x in back.allocations] == [("alc_b", "released")]
    assert [m.supply.available for m in back.moves] == [200]
    with pytest.raises(InvalidState):
        allocate("ord_1", "alc_c", one, 101, NOW)
