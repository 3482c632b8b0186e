"""Orders as callers see them: everything for the owner, the public part for those who may claim them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, RootModel, field_validator
from pydantic_core import PydanticCustomError

from schemas.base import (
    AmountText,
    ChainName,
    Count,
    Currency,
    Id,
    Instant,
    Label,
    ListQuery,
    Metadata,
    Name,
    Notes,
    OwnedQuery,
    Page,
    Prose,
    Request,
    Resource,
)
from shared.domain.desk import allocation, orders
from shared.domain.desk.states import OrderStatus
from shared.domain.money import format_amount


class NewItem(Request):
    product_id: Name
    product_name: Label
    price: AmountText
    quantity: Annotated[Count, Field(ge=1, le=orders.MAX_QUANTITY)]


class PlaceOrder(Request):
    """The items of an order. The exact total is reserved from the caller's supplies, or from those named."""

    currency: Currency
    items: Annotated[list[NewItem], Field(min_length=1, max_length=orders.MAX_ITEMS)]
    chain: ChainName | None = None
    supply_ids: (
        Annotated[list[Id], Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True})]
        | None
    ) = None
    expires_at: Instant | None = None
    note: Prose | None = None
    metadata: Metadata | None = None

    @field_validator("supply_ids")
    @classmethod
    def _once(cls, ids: list[str] | None) -> list[str] | None:
        if ids is not None and len(set(ids)) != len(ids):
            raise PydanticCustomError("repeated", "must not repeat a supply")
        return ids

    def lines(self) -> list[orders.Line]:
        return [orders.Line(i.product_id, i.product_name, i.price, i.quantity) for i in self.items]


class GetOrder(Request):
    order_id: Id


class ListOrders(OwnedQuery):
    status: OrderStatus | None = None
    currency: Currency | None = None


class ListAvailable(ListQuery):
    """Open orders of other users; `min_amount` is in the unit of the currency."""

    chain: ChainName | None = None
    currency: Currency | None = None
    min_amount: AmountText | None = None


class UpdateOrder(Request):
    """Absent fields stay; null clears them. `metadata` replaces all earlier entries."""

    order_id: Id
    note: Prose | None = None
    expires_at: Instant | None = None
    metadata: Metadata | None = None


class CancelOrder(Request):
    order_id: Id


class DeleteOrder(Request):
    order_id: Id


class Item(Resource):
    product_id: str
    product_name: str
    price: str
    quantity: int
    total: str

    @classmethod
    def of(cls, item: orders.OrderItem, decimals: int) -> Item:
        return cls(
            product_id=item.product_id,
            product_name=item.product_name,
            price=format_amount(item.price, decimals),
            quantity=item.quantity,
            total=format_amount(item.total, decimals),
        )


class AllocationPart(Resource):
    """The part that one supply pays."""

    id: str
    supply_id: str
    wallet_id: str
    amount: str
    settled: str

    @classmethod
    def of(cls, part: allocation.Allocation, decimals: int) -> AllocationPart:
        return cls(
            id=part.id,
            supply_id=part.supply_id,
            wallet_id=part.wallet_id,
            amount=format_amount(part.amount, decimals),
            settled=format_amount(part.settled, decimals),
        )


class PublicOrder(Resource):
    """The part of an order that other users see while it is open, and its claimer afterwards."""

    id: str
    user_id: str
    chain: str
    currency: str
    amount: str
    items: list[Item]
    status: OrderStatus
    expires_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, order: orders.Order, items: Iterable[orders.OrderItem]) -> PublicOrder:
        return cls(**_shared(order, items))


class Order(Resource):
    """An order as its owner sees it. Settled and released allocations stay listed."""

    id: str
    user_id: str
    chain: str
    currency: str
    amount: str
    items: list[Item]
    allocations: list[AllocationPart]
    claim_id: str | None
    status: OrderStatus
    note: str | None
    expires_at: Instant | None
    metadata: Notes = Field(default_factory=dict)
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(
        cls,
        order: orders.Order,
        items: Iterable[orders.OrderItem],
        allocations: Iterable[allocation.Allocation],
    ) -> Order:
        parts = sorted(allocations, key=lambda a: a.id)
        return cls(
            **_shared(order, items),
            allocations=[AllocationPart.of(part, order.decimals) for part in parts],
            claim_id=order.claim_id,
            note=order.note,
            metadata=order.metadata or {},
        )

    def public(self) -> PublicOrder:
        """The public part of the order."""
        return PublicOrder(**{name: getattr(self, name) for name in PublicOrder.model_fields})


def _shared(order: orders.Order, items: Iterable[orders.OrderItem]) -> dict[str, Any]:
    """The fields of both views."""
    return {
        "id": order.id,
        "user_id": order.user_id,
        "chain": order.chain,
        "currency": order.currency,
        "amount": format_amount(order.amount, order.decimals),
        "items": [Item.of(item, order.decimals) for item in sorted(items, key=lambda i: i.line)],
        "status": order.status,
        "expires_at": order.expires_at,
        "version": order.version,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


class OrderView(RootModel[Order | PublicOrder]):
    """Either view, to declare the answer; operations return one of the two."""


class OrderPage(Page[Order]):
    """The caller's orders."""


class AvailablePage(Page[PublicOrder]):
    """Open orders of other users."""
