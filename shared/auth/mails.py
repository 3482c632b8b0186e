"""The mails that the product sends. Their content is secret: it goes to the mail port and is never stored or logged."""

from __future__ import annotations

import logging
import time

from shared import resources
from shared.adapters.mail import NoMail
from shared.domain import users as rules
from shared.domain.errors import InvalidValue
from shared.identity import mail_tokens
from shared.identity.mail_tokens import MailToken, Purpose
from shared.runtime.cloud_event import Event
from shared.runtime.errors import Unready
from shared.store.session import Session
from shared.store.tables import users

_log = logging.getLogger(__name__)
EVEN_SECONDS = 0.5  # duration of a reset request for any address; not in local runs

RESET_TEXT = """Somebody, probably you, asked for a new password for your wallet account.

To choose one, send this token to POST /api/v1/auth/password/reset within an hour:

{token}

If it was not you, do nothing: your password stays as it is.
"""
VERIFY_TEXT = """Welcome. To confirm that this is your address, send this token and your password to POST
/api/v1/auth/email/verify:

{token}

If you did not register, somebody else gave your address: do nothing, or take the account by choosing a new password
(POST /api/v1/auth/password/reset-request). That ends everything they set up.
"""


def password_reset(email: str) -> None:
    """Send a reset token to this address if it has an account; takes the same time if it has none."""
    started = time.monotonic()
    try:
        user = users.by_email(Session(resources.database().snapshot()), rules.normal_email(email))
    except InvalidValue:
        user = None
    if user is not None and user.email is not None and not user.disabled:
        _send(mail_tokens.RESET, user, "Choose a new password", RESET_TEXT)
    wait_until_even(started)


def wait_until_even(started: float) -> None:
    """Wait until EVEN_SECONDS after `started`, so that the duration of an answer reveals nothing. Not in local runs."""
    if not resources.settings().local:
        time.sleep(max(0.0, EVEN_SECONDS - (time.monotonic() - started)))


def registered_again(email: str) -> None:
    """Tell the owner of an account that somebody tried to register with their address."""
    try:
        resources.mail().send(email, "You have an account", TAKEN_TEXT)
    except Exception as error:
        _log.error("a mail was not sent", extra={"error": type(error).__name__})


def verification(user: rules.User) -> None:
    """Mail a verification token to a new account."""
    _send(mail_tokens.VERIFY, user, "Confirm your address", VERIFY_TEXT)


TAKEN_TEXT = """Somebody, perhaps you, tried to register with your address. You have an account already: sign in, or
choose a new password by POST /api/v1/auth/password/reset-request.
"""
NOTICE_TEXT = """{said}

At {at}, from {network}.
{details}
If it was you, there is nothing to do. If not: choose a new password by POST /api/v1/auth/password/reset-request, which
ends all sign-ins and API keys.
"""


def notice(to: str, said: str, event: Event) -> None:
    """Notify a user about a change in their account. Raises Unready if the mail was not accepted, so that it is sent
    again."""
    data = event.data
    # Only ids: other details contain texts of other people.
    ids = {name: value for name, value in data.get("details", {}).items() if name.endswith("_id")}
    details = "".join(f"{name}: {value}\n" for name, value in sorted(ids.items()))
    text = NOTICE_TEXT.format(said=said, at=data.get("at"), network=data.get("network"), details=details)
    _tell(to, said, text, event.subject)


WEBHOOK_TEXT = """Your webhook endpoint {id} is disabled: {why}.

{url}

Events are no longer delivered to it. Once it answers again, enable it by PUT /api/v1/webhooks/{id} with
{{"status": "active"}}, and have what it missed sent by POST /api/v1/webhooks/{id}/resend.
"""
WHY = {
    "gone": "it answered 410 Gone",
    "failing": "for 72 hours, it took nothing of what was delivered",
    "account_recovered": "the account was recovered by its mailbox",
}


def webhook_disabled(to: str, webhook_id: str, url: str, reason: str) -> None:
    """Notify an endpoint's owner. Raises Unready if the mail was not accepted, so that it is sent again."""
    text = WEBHOOK_TEXT.format(id=webhook_id, url=url, why=WHY.get(reason, reason))
    _tell(to, "A webhook endpoint is disabled", text, webhook_id)


def _tell(to: str, said: str, text: str, subject: str) -> None:
    if isinstance(resources.mail(), NoMail):
        _log.warning("there is no mail server to send a notice by", extra={"about": subject})
        return
    try:
        resources.mail().send(to, said, text)
    except Exception as error:
        _log.error("a notice was not sent", extra={"error": type(error).__name__, "about": subject})
        raise Unready() from None


def _send(purpose: Purpose, user: rules.User, subject: str, text: str) -> None:
    """Send a mail with a token. A failure does not fail the operation, because users can request the mail again."""
    assert user.email is not None
    settings = resources.settings()
    token = MailToken.made(purpose, user, resources.clock().now(), settings.fingerprint_key)
    try:
        resources.mail().send(user.email, subject, text.format(token=token.text))
    except Exception as error:
        _log.error("a mail was not sent", extra={"error": type(error).__name__, "user": user.id})
