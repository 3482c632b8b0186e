"""What an account's owner is told about its security: an event of the account's feed, and a mail by `on_account_event`.

`record(unit, user_id, "api_key_created", key_id=…)` in the body that makes the change; the operation declares
`publishes=("account-events",)`. Details are shown to the owner: names and ids, never a secret.
"""

from __future__ import annotations

from typing import Final

from schemas.auth import AccountNotice
from shared.runtime.context import current
from shared.store.unit_of_work import UnitOfWork

TOPIC: Final = "account-events"
KINDS: Final = {  # kind → what the mail says
    "api_key_created": "An API key was made.",  # pragma: allowlist secret
    "api_keys_ended": "API keys were ended.",  # pragma: allowlist secret
    "second_factor_added": "A second factor was added.",
    "second_factor_removed": "A second factor was removed.",
    "password_changed": "The password was changed.",  # pragma: allowlist secret
    "mailbox_proven": "The e-mail address was confirmed. Everything that was set up before has ended.",
    "sign_ins_ended": "Sign-ins were ended.",
    "key_exported": "The private key of a wallet was exported.",
    "wallet_deleted": "A wallet was deleted. Its key is kept for 30 days: it can be restored or exported until then.",
    "wallet_restored": "A deleted wallet was restored.",
    "policy_loosened": "The policy of a wallet was loosened.",
    "approver_added": "Somebody was named who may approve payments of a wallet.",
    "acted_for": "An administrator was given the right to act for you for some minutes.",
}


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
