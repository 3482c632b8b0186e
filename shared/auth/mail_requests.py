"""Request a mail in the commit of what it is about; `on_mail_requested` sends it. So a crash loses no mail, no answer
waits for a mail server, and its time does not tell whether a mail is sent."""

from __future__ import annotations

from schemas.auth import Mail, MailRequested
from shared.store.unit_of_work import UnitOfWork


def request(unit: UnitOfWork, mail: Mail, user_id: str) -> None:
    """Request a mail to an account, which may not exist. The operation declares `publishes=("account-events",)`."""
    unit.note(user_id)
    unit.emit("account.mail_requested", user_id, int(unit.now.timestamp() * 1000), MailRequested(mail=mail))
