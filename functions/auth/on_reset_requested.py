"""Send the mail with a link to choose a new password, if the account exists and has an address.

If it is not known whether a mail was sent, it is sent again. After an hour nobody waits for it any more.
"""

from __future__ import annotations

from schemas.auth import ResetRequested
from shared import resources
from shared.auth import mails
from shared.identity import mail_tokens
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS


@message("account-events", type="account.reset_requested", needs=("mail",))
def on_reset_requested(event: Event) -> None:
    request = ResetRequested.model_validate(event.data)
    if resources.clock().now() - request.at >= mail_tokens.RESET.lifetime:
        return
    user = Session(resources.database().snapshot()).maybe(USERS.find(event.subject))
    if user is not None and user.email is not None and not user.disabled:
        mails.password_reset(user)
