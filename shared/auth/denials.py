"""Write an audit row for each denied use of a key, export, signature or step-up; the refused commit writes nothing."""

from __future__ import annotations

import logging

from shared.domain.errors import Refusal
from shared.runtime.context import current
from shared.store.port import StoreError

_log = logging.getLogger(__name__)
WATCHED = frozenset({"wallet:export", "wallet:sign", "admin:act"})  # all their denials are recorded
PROOFS = frozenset({"STEP_UP_REQUIRED", "EMAIL_UNVERIFIED"})  # codes recorded for every operation


def watched(permission: str, refusal: Refusal) -> bool:
    """Whether to record this refusal of an operation with this permission."""
    return refusal.code in PROOFS or (permission in WATCHED and refusal.status in (401, 403, 404))


def record(resource: str | None, refusal: Refusal) -> None:
    """Write the row. Read-only services have no right to write, so they skip it. A failure never changes the answer."""
    if not current().rights.writes:
        return
    from shared.writes import separate_audit

    try:
        separate_audit.write(resource, f"denied:{refusal.code}")
    except StoreError as error:
        _log.error("a denial was not audited", extra={"error": type(error).__name__, "code": refusal.code})
