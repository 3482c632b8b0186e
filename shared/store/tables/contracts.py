"""Contracts by owner, by address, and by the transaction that deploys them."""

from __future__ import annotations

from shared.domain.contracts.contracts import Contract
from shared.domain.permissions import Caller
from shared.store.session import Session
from shared.store.table import Index, Query, Table

CONTRACTS = Table("contracts", Contract, ("id",), documents=frozenset({"metadata"}))
CONTRACTS_BY_OWNER = Index(
    "contracts_by_owner",
    CONTRACTS,
    ("user_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("chain", "type", "status"),
)
CONTRACTS_BY_ADDRESS = Index(
    "contracts_by_address", CONTRACTS, ("address", "chain", "user_id", "id"), null_filtered=True
)
CONTRACTS_BY_TRANSACTION = Index(
    "contracts_by_transaction", CONTRACTS, ("transaction_id",), unique=True, null_filtered=True
)


def owned(caller: Caller, contract_id: str) -> Query[Contract]:
    """For reading: the contract, if the caller may see its owner's rows; otherwise NotFound."""
    return CONTRACTS.get(contract_id).visible_if(lambda contract: caller.sees(contract.user_id))


def usable(caller: Caller, contract_id: str) -> Query[Contract]:
    """For acting: the caller's contract, or anybody's if the caller acts for others; otherwise NotFound."""
    return CONTRACTS.get(contract_id).visible_if(lambda contract: caller.acts_for(contract.user_id))


def at(session: Session, user_id: str, chain: str, address: str) -> list[Contract]:
    """The user's contract at an address (EIP-55), if there is one."""
    return session.follow(
        CONTRACTS, session.many(CONTRACTS_BY_ADDRESS.scan(address, chain, user_id, limit=1))
    )


def deployed_by(session: Session, transaction_id: str) -> list[Contract]:
    """The contract that a transaction deploys, if it deploys one."""
    return session.follow(CONTRACTS, session.many(CONTRACTS_BY_TRANSACTION.scan(transaction_id, limit=1)))
