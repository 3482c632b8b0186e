"""Orders with their items and allocations."""

from __future__ import annotations

from shared.domain.allocation import Allocation
from shared.domain.orders import Order, OrderItem
from shared.store.table import Index, Table

ORDERS = Table("orders", Order, ("id",), id_column="order_id", numeric=frozenset({"amount"}), cached=True)
ORDER_ITEMS = Table("order_items", OrderItem, ("order_id", "line"), numeric=frozenset({"price", "total"}))
ALLOCATIONS = Table("allocations", Allocation, ("order_id", "id"), numeric=frozenset({"amount", "settled"}))
ORDERS_BY_OWNER = Index(
    "orders_by_owner",
    ORDERS,
    ("user_id", "hidden", "created_at", "order_id"),
    frozenset({"created_at"}),
    stored=("status", "currency"),
)
ORDERS_OPEN = Index(
    "orders_open",
    ORDERS,
    ("open_shard", "created_at", "order_id"),
    null_filtered=True,
    stored=("user_id", "chain", "currency", "amount", "decimals", "expires_at"),
)
OPEN_SHARDS = 16
