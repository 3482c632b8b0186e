"""How many contracts an account may have: each one stores an ABI of up to a megabyte.

They are counted by the keys of an index at each creation: 2.5 ms for an account that has all 2,500, 0.1 ms for one that
has a hundred (embedded store), beside a question to a node of the chain. A row with their number would be read faster.
But each creation and deletion of an account, also by the index of a chain for its factories, would write it and so wait
for the others, and it could be wrong.
"""

from __future__ import annotations

from shared import resources
from shared.domain.contracts.contracts import TooManyContracts
from shared.store.session import Session
from shared.store.tables.contracts import CONTRACTS_BY_OWNER


def room(session: Session, user_id: str) -> int:
    """How many more contracts the account may have. Commits that run at the same moment may exceed the limit by their
    number: it protects the storage, and is not worth a conflict between them."""
    most = resources.settings().account_limits["contracts"]
    return most - session.one(CONTRACTS_BY_OWNER.counted(user_id, limit=most))


def require_room(session: Session, user_id: str) -> None:
    """Raises TooManyContracts if the account has as many contracts as allowed."""
    if room(session, user_id) <= 0:
        raise TooManyContracts(limit=resources.settings().account_limits["contracts"])
