"""List the sending addresses (lanes): their nonces, how many transactions are queued, and why a lane is paused."""

from __future__ import annotations

from schemas.operators import LanePage, LaneView, ListLanes
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.lanes import Lane
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.transactions import LANES, LANES_PAUSED, TRANSACTIONS_QUEUED

BINDING = ["lanes"]
COUNTED = 100  # maximum number of queued transactions that are counted for a lane


@http("GET", "/admin/lanes", permission="admin:read", request=ListLanes, answer=LanePage)
def list_lanes(request: ListLanes, caller: Caller) -> LanePage:
    rows, cursor = _paused(request) if request.paused else _all(request)
    session = Session(resources.database().snapshot())
    queues = session.read_all([TRANSACTIONS_QUEUED.scan(row.id, limit=COUNTED) for row in rows])
    items = [
        LaneView.of(row, [entry["created_at"] for entry in queue])
        for row, queue in zip(rows, queues, strict=True)
    ]
    return LanePage(items=items, next_cursor=cursor)


def _paused(request: ListLanes) -> tuple[list[Lane], str | None]:
    return pagination.page(LANES_PAUSED, [], limit=request.limit, cursor=request.cursor, filters={})


def _all(request: ListLanes) -> tuple[list[Lane], str | None]:
    after = pagination.decode(BINDING, request.cursor) if request.cursor else None
    rows = Session(resources.database().snapshot()).many(LANES.scan(after=after, limit=request.limit + 1))
    page = rows[: request.limit]
    more = len(rows) > len(page)
    return page, pagination.encode(BINDING, [page[-1].id]) if more else None
