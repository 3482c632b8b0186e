"""Users by id, e-mail or address."""

from __future__ import annotations

from shared.domain.users import User
from shared.store.session import Session
from shared.store.table import Index, Table

USERS = Table("users", User, ("id",))
USERS_BY_EMAIL = Index("users_by_email", USERS, ("email",), unique=True, null_filtered=True)
USERS_BY_ADDRESS = Index("users_by_address", USERS, ("address",), unique=True, null_filtered=True)
USERS_BY_TIME = Index("users_by_time", USERS, ("list_shard", "created_at", "id"), frozenset({"created_at"}))
USER_SHARDS = 4


def by_email(session: Session, email: str) -> User | None:
    """The user with this e-mail address (normal form: lower case)."""
    return _first(session, USERS_BY_EMAIL, email)


def contract_identity(chain_id: int, address: str) -> str:
    """The CAIP-10 identity of a contract wallet at sign-in; a key uses only its address."""
    return f"eip155:{chain_id}:{address}"


def by_address(session: Session, address: str) -> User | None:
    """The user who signs in with this address (EIP-55), or as this contract (`contract_identity`)."""
    return _first(session, USERS_BY_ADDRESS, address)


def _first(session: Session, index: Index[User], value: str) -> User | None:
    users = session.follow(USERS, session.many(index.scan(value, limit=1)))
    return users[0] if users else None
