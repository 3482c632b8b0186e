"""Dead letters as operators see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from schemas.base import Id, Instant, Page, PageQuery, Request, Resource

if TYPE_CHECKING:
    from shared.store.tables import system

MAX_SHOWN = 4_096  # characters of a message's text in an answer


class ListDeadLetters(PageQuery):
    """Filter by status: waiting for a decision, or already sent again."""

    status: Literal["new", "redriven"] = "new"


class RedriveDeadLetter(Request):
    """The dead letter to send again."""

    dead_letter_id: Id


class DeadLetter(Resource):
    """A message that `consumer` could not handle, and the reason. `body` is the beginning of its text, `size`
    the full length in characters.
    """

    id: str
    topic: str
    consumer: str
    reason: str
    body: str
    size: int
    attributes: dict[str, str]
    status: Literal["new", "redriven"]
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, row: system.DeadLetter) -> DeadLetter:
        return cls(
            id=row.id,
            topic=row.topic,
            consumer=row.consumer,
            reason=row.reason,
            body=row.body[:MAX_SHOWN],
            size=len(row.body),
            attributes=row.attributes,
            status=row.status,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class DeadLetterPage(Page[DeadLetter]):
    """Newest first."""
