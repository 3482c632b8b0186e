"""How many contracts an account may have: each one stores an ABI of up to a megabyte."""

from __future__ import annotations

from shared import resources
from shared.domain.contracts.contracts import TooManyContracts
from shared.store.session import Session
from shared.store.tables.contracts import CONTRACTS_BY_OWNER


def room(session: Session, user_id: str) -> int:
    """How many more contracts the account may have. Commits that run at the same moment may exceed the limit by their
    number: it protects the storage, and is not worth a conflict between them."""
    most = resources.settings().account_limits["contracts"]
    return most - len(session.many(CONTRACTS_BY_OWNER.scan(user_id, limit=most)))


def require_room(session: Session, user_id: str) -> None:
    """Raises TooManyContracts if the account has as many contracts as allowed."""
    if room(session, user_id) <= 0:
        raise TooManyContracts(limit=resources.settings().account_limits["contracts"])
