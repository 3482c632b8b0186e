"""The mails that the product sends. Their content is secret: it goes to the mail port and is never stored or logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from shared import resources
from shared.adapters.mail import NoMail
from shared.domain import users as rules
from shared.identity import mail_tokens
from shared.identity.mail_tokens import MailToken, Purpose
from shared.runtime.cloud_event import Event
from shared.runtime.errors import Unready

_log = logging.getLogger(__name__)
RESET_TEXT = """Somebody, probably you, asked for a new password for your wallet account.

Choose one within an hour on this page:

{site}/console#/reset/{token}

Programs send what follows the last slash to POST /api/v1/auth/password/reset.

If it was not you, do nothing: your password stays as it is.
"""
VERIFY_TEXT = """Welcome. To confirm that this is your address, give your password within two days on this page:

{site}/console#/confirm/{token}

Programs send what follows the last slash, and the password, to POST /api/v1/auth/email/verify.

If you did not register, somebody else gave your address: do nothing, or take the account by choosing a new password
at {site}/console#/reset (POST /api/v1/auth/password/reset-request). That ends everything they set up.
"""


def password_reset(user: rules.User) -> None:
    """Mail a reset token. Raises Unready if the mail was not accepted, so that it is sent again."""
    assert user.email is not None
    _tell(user.email, "Choose a new password", _with_token(mail_tokens.RESET, user, RESET_TEXT), user.id)


def verification(user: rules.User) -> None:
    """Mail a verification token to a new account. Raises Unready if the mail was not accepted."""
    assert user.email is not None
    _tell(user.email, "Confirm your address", _with_token(mail_tokens.VERIFY, user, VERIFY_TEXT), user.id)


def registered_again(user: rules.User) -> None:
    """Tell the owner of an account that somebody registered with their address. Raises Unready if the mail was not
    accepted."""
    assert user.email is not None
    _tell(user.email, "You have an account", TAKEN_TEXT.format(site=resources.settings().site_url), user.id)


TAKEN_TEXT = """Somebody, perhaps you, tried to register with your address. You have an account already: sign in, or
choose a new password at {site}/console#/reset (POST /api/v1/auth/password/reset-request).
"""
NOTICE_TEXT = """{said}

At {at}, from {network}.
{details}
If it was you, there is nothing to do. If not: choose a new password at {site}/console#/reset
(POST /api/v1/auth/password/reset-request), which ends all sign-ins and API keys.
"""


def notice(to: str, said: str, event: Event) -> None:
    """Notify a user about a change in their account. Raises Unready if the mail was not accepted, so that it is sent
    again."""
    data = event.data
    # Only ids: other details contain texts of other people.
    ids = {name: value for name, value in data.get("details", {}).items() if name.endswith("_id")}
    details = "".join(f"{name}: {value}\n" for name, value in sorted(ids.items()))
    if event.type == "account.password_changed":
        details += _still_active(data.get("details", {}))
    if event.type == "account.second_factor_added":
        details += ADDED_TEXT
    if event.type == "account.second_factor_refused":
        details += REFUSED_TEXT.format(wrong_codes=int(data["details"]["wrong_codes"]))
    text = NOTICE_TEXT.format(
        said=said,
        at=data.get("at"),
        network=data.get("network"),
        details=details,
        site=resources.settings().site_url,
    )
    _tell(to, said, text, event.subject)


ADDED_TEXT = """
A new password does not remove a second factor. If this one is not yours, remove it in the account's settings, or ask
the operator of this service to remove it.
"""
REFUSED_TEXT = """
Wrong codes in a row: {wrong_codes}. Nobody got in by them, but whoever sent them has the rest of what signs in to your
account: your password, your wallet, or an open sign-in. For some hours you get no further mail about such codes.
"""
STILL_TEXT = """
Still active: {webhooks} webhook endpoint(s), {api_keys} API key(s). Look through them at {site}/console#/webhooks and
{site}/console#/account (GET /api/v1/webhooks, GET /api/v1/auth/api-keys), and delete what you do not know.
"""


def _still_active(details: Mapping[str, str]) -> str:
    """The paragraph about what a new password leaves active; "" for an event of a release that did not count it."""
    hooks, keys = details.get("active_webhooks"), details.get("active_api_keys")
    if hooks is None or keys is None:
        return ""
    return STILL_TEXT.format(webhooks=int(hooks), api_keys=int(keys), site=resources.settings().site_url)


# Without its URL, which whoever made the endpoint has chosen.
WEBHOOK_TEXT = """Your webhook endpoint {id} is disabled: {why}.

{site}/console#/webhooks/{id}

Events are no longer delivered to it. Once it answers again, enable it by PUT /api/v1/webhooks/{id} with
{{"status": "active"}}, and have what it missed sent by POST /api/v1/webhooks/{id}/resend.
"""
WHY = {
    "gone": "it answered 410 Gone",
    "failing": "for 72 hours, it took nothing of what was delivered",
    "account_recovered": "the account was recovered by its mailbox",
}


def webhook_disabled(to: str, webhook_id: str, reason: str) -> None:
    """Notify an endpoint's owner. Raises Unready if the mail was not accepted, so that it is sent again."""
    site = resources.settings().site_url
    text = WEBHOOK_TEXT.format(id=webhook_id, site=site, why=WHY.get(reason, reason))
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


def _with_token(purpose: Purpose, user: rules.User, text: str) -> str:
    settings = resources.settings()
    token = MailToken.made(purpose, user, resources.clock().now(), settings.fingerprint_key)
    return text.format(site=settings.site_url, token=token.text)
