"""Send a requested mail, if the account exists and has an address.

It contains a link to choose a new password, a link that confirms the address of a new account, or the news that
somebody registered with the address again.

If it is not known whether a mail was sent, it is sent again, as long as it is of use. The time of the request is the
event's sequence, in milliseconds of Unix time.
"""

from __future__ import annotations

from shared import resources
from shared.auth import mails
from shared.domain.users import User
from shared.identity import mail_tokens
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS


@message("account-events", type="account.mail_requested", needs=("mail",))
def on_mail_requested(event: Event) -> None:
    user = Session(resources.database().snapshot()).maybe(USERS.find(event.subject))
    if user is None or user.email is None or user.disabled:
        return
    mail = event.data["mail"]
    if mail == "password_reset" and _resets(user, event.sequence / 1000):
        mails.password_reset(user)
    elif mail == "verification" and not user.email_verified:
        mails.verification(user)
    elif mail == "registered_again":
        mails.registered_again(user)


def _resets(user: User, requested_at: float) -> bool:
    """Whether somebody may still wait for the link: not after an hour, and not once all earlier sign-ins have ended,
    because then the password was chosen since."""
    if resources.clock().now().timestamp() - requested_at >= mail_tokens.RESET.lifetime.total_seconds():
        return False
    return user.sessions_after is None or user.sessions_after.timestamp() <= requested_at
