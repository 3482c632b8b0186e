"""Security notices for an account's owner: an event in the account's feed, and a mail by `on_account_event`.

Call `record(unit, user_id, "api_key_created", key_id=…)` in the body that makes the change; the operation declares
`publishes=("account-events",)`. The owner sees the details: names and ids, never a secret.
"""

from __future__ import annotations

from typing import Final

from schemas.auth import AccountNotice
from shared.domain import event_types
from shared.runtime.context import current
from shared.store.unit_of_work import UnitOfWork

TOPIC: Final = "account-events"
# kind → text of the mail
KINDS: Final = {
    kind.removeprefix("account."): event_types.TYPES[kind]
    for kind in event_types.of("account")
    if kind not in event_types.IN_NO_FEED
}


def record(unit: UnitOfWork, user_id: str, kind: str, **details: str | None) -> None:
    """Notify the owner with this commit. `kind` is one of KINDS."""
    assert kind in KINDS, kind
    context = current()
    notice = AccountNotice(
        user_id=user_id,
        at=unit.now,
        by=context.principal,
        session_id=context.caller.session_id if context.caller else None,
        network=context.request.network,
        user_agent=context.request.user_agent,
        details={name: value for name, value in details.items() if value is not None},
    )
    sequence = int(unit.now.timestamp() * 1000)  # accounts have no event counter, so the clock orders events
    unit.emit(f"account.{kind}", user_id, sequence, notice, feed=[user_id])
