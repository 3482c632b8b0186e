"""Lists of the orders, claims or supplies of all users, or of one of them, for operators; newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from schemas.operators import ListAllClaims, ListAllOrders, ListAllSupplies
from shared import resources
from shared.desk import supplies
from shared.reads import by_status, pagination
from shared.store.table import Index


class Row(Protocol):
    """A row with a chain, a currency and a time."""

    @property
    def chain(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


R = TypeVar("R", bound=Row)


def page(
    request: ListAllOrders | ListAllClaims | ListAllSupplies,
    *,
    every: Index[R],
    statuses: Sequence[str],
    of_user: Index[R],
    prefix: Sequence[Any] = (),
) -> tuple[list[R], str | None]:
    """One page of the rows that the request selects, and the next page's cursor.

    `every` is the index of all users by status, `statuses` are all statuses that it has. `of_user` is the index of one
    user; its key starts with the user's id and `prefix`. Raises UnknownChain, UnsupportedCurrency, InvalidCursor.
    """
    until = request.created_before
    wanted = {
        "chain": resources.registry().named(request.chain),
        "currency": supplies.symbol_of(request.chain, request.currency),
    }
    if request.user_id is None:
        return by_status.page(
            every,
            [request.status] if request.status else statuses,
            limit=request.limit,
            cursor=request.cursor,
            until=until,
            filters=wanted,
        )
    stored = wanted | {"status": request.status}
    return pagination.page_now(
        of_user,
        [request.user_id, *prefix],
        limit=request.limit,
        cursor=request.cursor,
        filters={name: value for name, value in stored.items() if name in of_user.columns},
        keep=lambda row: (  # an index of one user does not store every column
            wanted["chain"] in (None, row.chain)
            and wanted["currency"] in (None, row.currency)
            and (until is None or row.created_at < until)
        ),
    )
