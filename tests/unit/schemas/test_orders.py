"""The schemas of orders: the owner's view, the public view, and valid requests."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.orders import Order, OrderView, PlaceOrder, PublicOrder, UpdateOrder
from shared.domain.desk.orders import Line
from tests.unit.domain.factories import place

PRIVATE = {"allocations", "note", "metadata", "claim_id"}


def body(**more: Any) -> dict[str, Any]:
    item = {"product_id": "sku", "product_name": "Thing", "price": "1.50", "quantity": 2}
    return {"currency": "ETH", "items": [item], **more}


def test_the_owner_sees_everything_and_others_the_public_part() -> None:
    placed = place(note="for me")
    mine = Order.of(placed.order, placed.items, placed.allocations)
    theirs = PublicOrder.of(placed.order, placed.items)
    assert mine.public() == theirs
    assert set(mine.model_dump()) - set(theirs.model_dump()) == PRIVATE
    assert mine.model_dump(mode="json") == {
        "id": "ord_1",
        "user_id": "usr_owner",
        "chain": "local",
        "currency": "CENT",
        "amount": "3",
        "items": [
            {"product_id": "sku", "product_name": "A thing", "price": "1", "quantity": 3, "total": "3"}
        ],
        "allocations": [
            {"id": "alc_1", "supply_id": "sup_1", "wallet_id": "wal_owner", "amount": "3", "settled": "0"}
        ],
        "claim_id": None,
        "status": "open",
        "note": "for me",
        "metadata": {},
        "expires_at": None,
        "version": 1,
        "created_at": "2030-01-01T12:00:00Z",
        "updated_at": "2030-01-01T12:00:00Z",
    }


def test_either_view_is_an_answer() -> None:
    placed = place()
    mine = Order.of(placed.order, placed.items, placed.allocations)
    assert isinstance(OrderView.model_validate_json(mine.model_dump_json()).root, Order)
    assert isinstance(OrderView.model_validate_json(mine.public().model_dump_json()).root, PublicOrder)


def test_a_request_becomes_lines() -> None:
    assert PlaceOrder.model_validate(body()).lines() == [Line("sku", "Thing", "1.50", 2)]
    assert PlaceOrder.model_validate(body(chain="local", supply_ids=["sup_1"], note=None)).note is None


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"items": []}, ("items",)),
        ({"items": [{}] * 201}, ("items",)),
        ({"items": "x"}, ("items",)),
        ({"items": [{"product_id": "a", "product_name": "b", "price": "1"}]}, ("items", 0, "quantity")),
        ({"items": [body()["items"][0] | {"quantity": "2"}]}, ("items", 0, "quantity")),
        ({"items": [body()["items"][0] | {"quantity": 0}]}, ("items", 0, "quantity")),
        ({"items": [body()["items"][0] | {"quantity": 2.0}]}, ("items", 0, "quantity")),
        ({"items": [body()["items"][0] | {"price": 1.5}]}, ("items", 0, "price")),
        ({"items": [body()["items"][0] | {"total": "3"}]}, ("items", 0, "total")),
        ({"supply_ids": []}, ("supply_ids",)),
        ({"supply_ids": ["sup_1", "sup_1"]}, ("supply_ids",)),
        ({"note": "\x00"}, ("note",)),
        ({"amount": "5"}, ("amount",)),
    ],
)
def test_wrong_bodies_name_their_field(more: dict[str, Any], where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        PlaceOrder.model_validate(body(**more))
    assert refused.value.errors()[0]["loc"] == where


def test_a_partial_update_tells_null_from_absent() -> None:
    update = UpdateOrder.model_validate({"order_id": "ord_1", "note": None})
    assert update.model_fields_set == {"order_id", "note"}
