"""Write an audit row for each denied use of a key, export, signature or step-up; the refused commit writes nothing."""

from __future__ import annotations

import logging

from shared import resources
from shared.domain.errors import Refusal
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store import commit_effects
from shared.store.port import StoreError
from shared.store.tables import system

_log = logging.getLogger(__name__)
WATCHED = frozenset({"wallet:export", "wallet:sign", "admin:act"})  # all their denials are recorded
PROOFS = frozenset({"STEP_UP_REQUIRED", "EMAIL_UNVERIFIED"})  # codes recorded for every operation


def watched(permission: str, refusal: Refusal) -> bool:
    """Whether to record this refusal of an operation with this permission."""
    return refusal.code in PROOFS or (permission in WATCHED and refusal.status in (401, 403, 404))


def record(resource: str | None, refusal: Refusal) -> None:
    """Write the row. Read-only services have no right to write, so they skip it. A failure never changes the answer."""
    context = current()
    if not context.rights.writes:
        return
    event, now = f"denied:{refusal.code}", resources.clock().now()
    row = commit_effects.audit_row(context, new_id("aud"), resource, [event], now)
    try:
        resources.database().write([system.AUDIT.write("insert", row)])
    except StoreError as error:
        _log.error("a denial was not audited", extra={"error": type(error).__name__, "code": refusal.code})
