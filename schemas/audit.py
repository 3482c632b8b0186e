"""Entries of the audit log, as auditors see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from schemas.base import Id, Instant, Page, PageQuery, Resource

if TYPE_CHECKING:
    from shared.store.tables.system import AuditRow


class ListAudit(PageQuery):
    """Filters; `from` is inclusive, `to` exclusive."""

    model_config = ConfigDict(populate_by_name=False)

    actor: Id | None = None
    resource: Id | None = None
    action: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")] | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None


class AuditEntry(Resource):
    """One committed change or use of a key. `action` is the operation; `events` lists the announced events, or
    `policy.denied:<rule>`, `payout.refused:<reason>` or `denied:<code>`. `session_id` is the session or the API
    key. `details` hold the state before and after a change of rights, and its reason.
    """

    id: str
    at: Instant
    actor: str
    action: str
    resource: str | None
    request_id: str
    causation_id: str | None
    events: list[str]
    session_id: str | None
    network: str | None
    details: dict[str, Any] | None

    @classmethod
    def of(cls, row: AuditRow) -> AuditEntry:
        return cls(
            id=row.id,
            at=row.committed_at,
            actor=row.actor,
            action=row.action,
            resource=row.resource,
            request_id=row.request_id,
            causation_id=row.causation_id,
            events=row.events,
            session_id=row.session_id,
            network=row.network,
            details=row.details,
        )


class AuditPage(Page[AuditEntry]):
    """Newest first."""
