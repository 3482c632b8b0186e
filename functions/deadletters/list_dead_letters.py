"""List dead letters with their reasons, newest first; without `status`, only those that wait for a decision."""

from __future__ import annotations

from schemas.deadletters import DeadLetter, DeadLetterPage, ListDeadLetters
from shared.domain.permissions import Caller
from shared.reads.pagination import page
from shared.runtime.operation import http
from shared.store.tables.system import DEAD_LETTERS_BY_TIME


@http("GET", "/dead-letters", permission="admin:redrive", request=ListDeadLetters, answer=DeadLetterPage)
def list_dead_letters(request: ListDeadLetters, caller: Caller) -> DeadLetterPage:
    rows, cursor = page(
        DEAD_LETTERS_BY_TIME, [request.status], limit=request.limit, cursor=request.cursor, filters={}
    )
    return DeadLetterPage(items=[DeadLetter.of(row) for row in rows], next_cursor=cursor)
