"""Send the mail with a link to choose a new password, if the account exists and has an address.

If it is not known whether a mail was sent, it is sent again: not after an hour, when nobody waits for it any more, and
not once all earlier sign-ins have ended, because then the password was chosen since. The time of the request is the
event's sequence, in milliseconds of Unix time.
"""

from __future__ import annotations

from shared import resources
from shared.auth import mails
from shared.identity import mail_tokens
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS


@message("account-events", type="account.reset_requested", needs=("mail",))
def on_reset_requested(event: Event) -> None:
    requested_at = event.sequence / 1000
    if resources.clock().now().timestamp() - requested_at >= mail_tokens.RESET.lifetime.total_seconds():
        return
    user = Session(resources.database().snapshot()).maybe(USERS.find(event.subject))
    if user is None or user.email is None or user.disabled:
        return
    if user.sessions_after is None or user.sessions_after.timestamp() <= requested_at:
        mails.password_reset(user)
