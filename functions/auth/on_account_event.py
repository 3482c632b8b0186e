"""Send the owner of an account a mail about a change in its security.

If it is not known whether a mail was sent, it is sent again.
"""

from __future__ import annotations

from shared import resources
from shared.auth import mails, notices
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS


@message("account-events", type=tuple(f"account.{kind}" for kind in notices.KINDS), needs=("mail",))
def on_account_event(event: Event) -> None:
    user = Session(resources.database().snapshot()).maybe(USERS.find(event.subject))
    if user is not None and user.email is not None and not user.disabled:
        mails.notice(user.email, notices.KINDS[event.type.partition(".")[2]], event)
