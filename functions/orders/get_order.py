"""Get one order: its owner sees all of it, its claimer (and others while it is open) the public part."""

from __future__ import annotations

from schemas.orders import GetOrder, Order, OrderView, PublicOrder
from shared import resources
from shared.desk import orders
from shared.domain.permissions import Caller
from shared.reads.cached_read import Loaded, by_id
from shared.runtime.operation import http
from shared.store.session import Session


@http(
    "GET",
    "/orders/{order_id}",
    permission="order:read",
    request=GetOrder,
    answer=OrderView,
    needs=("cache",),
)
def get_order(request: GetOrder, caller: Caller) -> Order | PublicOrder:
    def load(session: Session) -> Loaded[Order | PublicOrder]:
        aggregate = orders.read(session, request.order_id)
        order, view = aggregate.order, aggregate.view

        def others(reader: Caller) -> PublicOrder | None:
            open_to_all = order.visible_to_all(resources.clock().now())
            return view.public() if open_to_all or order.claimer_id == reader.user_id else None

        return Loaded(order.user_id, order.version, view, others)

    owners_view: type[Order | PublicOrder] = Order
    view = by_id("orders", request.order_id, caller, owners_view, load)
    return orders.as_of_now(view, resources.clock().now())
