"""Who may replace or cancel a transaction: its owner, who acts for the owner, or an operator."""

from __future__ import annotations

from shared.domain.errors import NotFound
from shared.domain.transactions import Attempt, Transaction
from shared.domain.tx_attempts import check_replaceable
from shared.errors import Forbidden
from shared.identity.permissions import Caller
from shared.store.session import Session
from shared.store.transactions import ATTEMPTS, TRANSACTIONS

OPERATOR = "admin:replace"
OWNER = "transaction:send"


def replaceable(session: Session, caller: Caller, transaction_id: str) -> tuple[Transaction, list[Attempt]]:
    """A transaction that is not mined, with its attempts.

    Raises NotFound, Forbidden, SettlementTransaction (a payment, for its owner), InvalidState (mined or over)."""
    found, attempts = session.read(TRANSACTIONS.get(transaction_id), ATTEMPTS.scan(transaction_id))
    operator = caller.may(OPERATOR)
    if not operator:
        if caller.subject(found.user_id) != found.user_id:
            raise NotFound
        if not caller.may(OWNER):
            raise Forbidden(permission=OWNER)
    check_replaceable(found, by_operator=operator)
    return found, attempts
