"""What an account's owner is told about its security: an event of the account's feed, and a mail by `on_account_event`.

`record(unit, user_id, "api_key_created", key_id=…)` in the body that makes the change; the operation declares
`publishes=("account-events",)`. Details are shown to the owner: names and ids, never a secret.
"""

from __future__ import annotations

from typing import Final

from schemas.auth import AccountNotice
from shared.domain import event_types
from shared.runtime.context import current
from shared.store.unit_of_work import UnitOfWork

TOPIC: Final = "account-events"
# kind → what the mail says
KINDS: Final = {kind.removeprefix("account."): event_types.TYPES[kind] for kind in event_types.of("account")}


def record(unit: UnitOfWork, user_id: str, kind: str, **details: str | None) -> None:
    """Tell the owner, in this commit. `kind` is one of KINDS."""
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
    sequence = int(unit.now.timestamp() * 1000)  # an account counts no events: its clock orders them
    unit.emit(f"account.{kind}", user_id, sequence, notice, feed=[user_id])
