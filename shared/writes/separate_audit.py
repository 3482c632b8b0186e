"""An audit row in a write of its own: for what is refused, because a refusal commits nothing else."""

from __future__ import annotations

from shared import resources
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store import commit_effects
from shared.store.tables import system


def write(resource: str | None, event: str) -> None:
    """Write the row that this run met `event` at the resource. Raises StoreError."""
    row = commit_effects.audit_row(current(), new_id("aud"), resource, [event], resources.clock().now())
    resources.database().write([system.AUDIT.write("insert", row)])
