"""A page of a long list costs as much as a page of a short one: 100 of 100,000 orders compared with 100 of 1,000."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from shared import resources
from shared.domain.desk.orders import Order, OrderItem
from shared.runtime.clock import new_id
from shared.store.tables.orders import ORDER_ITEMS, ORDERS
from tests.support.bench import Bench, Ready

SHORT, LONG = 1_000, int(os.environ.get("ORDERS", "100000"))
ROUNDS = 60
MOST = 1.3
AT_ONCE = 1_000  # orders per commit


def run(bench: Bench) -> None:
    seed("usr_short", SHORT)
    seed("usr_long", LONG)
    for what, cursors in {"first page": ("", ""), "page in the middle": _deep(bench)}.items():
        long, short = (
            bench.request(
                "GET", "/orders", query={"limit": "100"} | ({"cursor": cursor} if cursor else {}), user=user
            )
            for user, cursor in zip(("usr_long", "usr_short"), cursors, strict=True)
        )
        assert long().body.count('"items"') == short().body.count('"items"') == 101

        def ours(_: int, call: Ready = long) -> Ready:
            return call

        def fewer(_: int, call: Ready = short) -> Ready:
            return call

        bench.ratio(
            f"100 of {LONG:,} orders, {what}", ours, fewer, than=f"of {SHORT:,}", rounds=ROUNDS, most=MOST
        )


def _deep(bench: Bench) -> tuple[str, str]:
    """The cursors of both users' pages in the middle of their lists, as the API returns them."""
    return _cursor(bench, "usr_long", LONG // 2), _cursor(bench, "usr_short", SHORT // 2)


def _cursor(bench: Bench, user: str, behind: int) -> str:
    from shared.reads import pagination
    from shared.store.session import Session
    from shared.store.tables.orders import ORDERS_BY_OWNER

    (entry,) = Session(resources.database().snapshot()).many(
        ORDERS_BY_OWNER.scan(user, False, after=(_placed(behind), ""), limit=1)
    )
    return pagination.encode(
        [ORDERS_BY_OWNER.name, user, False, []], (entry["created_at"], entry["order_id"])
    )


BEGIN = datetime.now(UTC) - timedelta(days=1)


def _placed(number: int) -> datetime:
    return BEGIN - timedelta(milliseconds=700 * number)


def seed(user: str, count: int) -> None:
    """Insert cancelled orders with one item each, the newest first."""
    for start in range(0, count, AT_ONCE):
        writes = []
        for number in range(start, min(start + AT_ONCE, count)):
            order = _order(user, _placed(number))
            item = OrderItem(order.id, 0, "sku", "A thing", 10**15, 1, 10**15)
            writes += [ORDERS.write("insert", order), ORDER_ITEMS.write("insert", item)]
        resources.database().write(writes)


def _order(user: str, at: datetime) -> Order:
    return Order(
        id=new_id("ord"),
        user_id=user,
        chain="local",
        currency="ETH",
        token_address=None,
        decimals=18,
        amount=10**15,
        status="cancelled",
        note=None,
        expires_at=None,
        claim_id=None,
        claimer_id=None,
        claim_epoch=0,
        lease_until=None,
        hidden=False,
        version=2,
        created_at=at,
        updated_at=at,
    )
