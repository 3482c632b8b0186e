"""The audit log as its readers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
    """One committed change or use of a key. `action` is the operation; `events` names what it announced, or
    `policy.denied:<rule>` or `payout.refused:<reason>`."""

    id: str
    at: Instant
    actor: str
    action: str
    resource: str | None
    request_id: str
    causation_id: str | None
    events: list[str]

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
        )


class AuditPage(Page[AuditEntry]):
    """Newest first."""
