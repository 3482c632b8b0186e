"""List the audit log, newest entries first.

`from` is inclusive, `to` is exclusive. Entries never change.
"""

from __future__ import annotations

from schemas.audit import AuditEntry, AuditPage, ListAudit
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.port import Key
from shared.store.table import Query
from shared.store.tables.system import AUDIT, AUDIT_SHARDS, AuditRow


@http("GET", "/audit", permission="audit:read", request=ListAudit, answer=AuditPage)
def list_audit(request: ListAudit, caller: Caller) -> AuditPage:
    wanted = {
        name: getattr(request, name) for name in ("actor", "resource", "action") if getattr(request, name)
    }
    bounds = [moment.isoformat() if moment else None for moment in (request.since, request.until)]

    def scan(shard: int, after: Key | None, limit: int) -> Query[list[AuditRow]]:
        start = after or ((request.until,) if request.until else None)
        return AUDIT.scan(shard, after=start, upto=(request.since,) if request.since else (), limit=limit)

    def keep(row: AuditRow) -> bool:
        return all(getattr(row, name) == value for name, value in wanted.items())

    rows, cursor = pagination.page_over_shards(
        AUDIT_SHARDS,
        scan,
        lambda row: (row.committed_at, row.id),
        limit=request.limit,
        cursor=request.cursor,
        binding=["audit", *bounds, sorted(wanted.items())],
        keep=keep if wanted else None,
    )
    return AuditPage(items=[AuditEntry.of(row) for row in rows], next_cursor=cursor)
