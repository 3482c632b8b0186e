"""Send a mail with a link to choose a new password.

The answer is the same, after the same time, whether or not the address has an account: either way one event is
committed, and only its receiver, `on_mail_requested`, looks for the account's mailbox and sends the mail. If too many
mails were requested for an address in this hour, nothing happens.
"""

from __future__ import annotations

import time

from schemas.auth import RequestReset
from shared import resources
from shared.auth import answer_time, mail_budget, mail_requests
from shared.domain import users as rules
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.store.session import Session
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/password/reset-request",
    permission=PUBLIC,
    request=RequestReset,
    status=204,
    idempotency="none",
    publishes=("account-events",),
)
def request_reset(request: RequestReset, caller: Caller | None) -> None:
    started = time.monotonic()
    email = _normal(request.email)
    if mail_budget.take("reset", email or request.email):
        user = users.by_email(Session(resources.database().snapshot()), email) if email else None
        commit(_announce, user.id if user else None)
    answer_time.equalise(started)


def _normal(text: str) -> str | None:
    """The address; None if the text is none."""
    try:
        return rules.normal_email(text)
    except InvalidValue:
        return None


def _announce(unit: UnitOfWork, user_id: str | None) -> None:
    """Without an account, the event names one that never was."""
    mail_requests.request(unit, "password_reset", user_id or unit.new_id("usr"))
