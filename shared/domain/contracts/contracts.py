"""A contract that a user has deployed or imported: its address on a chain, and its ABI."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from shared.domain.contracts.abi import Entry
from shared.domain.contracts.standards import ContractType
from shared.domain.errors import InvalidState, Refusal

ContractStatus = Literal["deploying", "deployed", "failed"]


class ContractExists(Refusal):
    """`data.contract_id` is the caller's own contract at that address."""

    code, status, message = "CONTRACT_EXISTS", 409, "You already have this contract."


class AddressTaken(Refusal):
    """`data.address` already holds a contract: the same code was deployed with the same salt before."""

    code, status, message = "ADDRESS_TAKEN", 409, "The address already holds a contract."


class TooManyContracts(Refusal):
    """`data.limit` is the largest number. Contracts that factories have added count."""

    code, status = "TOO_MANY_CONTRACTS", 409
    message = "Your account has as many contracts as allowed: ask the operators of this service for more."


class NoCode(Refusal):
    code, status, message = "NO_CODE", 422, "There is no contract at this address on this chain."


@dataclass(frozen=True, slots=True)
class Contract:
    """The row of a contract. `address` (EIP-55) is None until a block contains the creation, unless a salt determines
    it."""

    id: str  # ctr_…
    user_id: str
    name: str
    chain: str
    type: ContractType
    address: str | None
    abi: str  # JSON text
    status: ContractStatus
    transaction_id: str | None  # the transaction that deploys it; None: imported
    foretold: bool  # a salt determines the address (CREATE2)
    version: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, str] | None = None  # the owner's notes, never interpreted

    @property
    def entries(self) -> list[Entry]:
        found: list[dict[str, Any]] = json.loads(self.abi)
        return found

    @property
    def place(self) -> str:
        """The address of a deployed contract. Raises InvalidState if it is not deployed."""
        if self.status != "deployed" or self.address is None:
            raise InvalidState("The contract is not on the chain.", status=self.status)
        return self.address


def new_contract(
    *,
    contract_id: str,
    user_id: str,
    name: str,
    chain: str,
    kind: ContractType,
    abi: str,
    now: datetime,
    address: str | None = None,
    transaction_id: str | None = None,
) -> Contract:
    """A contract that `transaction_id` will deploy, or that already exists at `address`."""
    return Contract(
        id=contract_id,
        user_id=user_id,
        name=name,
        chain=chain,
        type=kind,
        address=address,
        abi=abi,
        status="deploying" if transaction_id else "deployed",
        transaction_id=transaction_id,
        foretold=transaction_id is not None and address is not None,
        version=1,
        created_at=now,
        updated_at=now,
    )


def described(contract: Contract, name: str, metadata: dict[str, str] | None, now: datetime) -> Contract:
    """The contract with another name and other metadata; itself if nothing changes."""
    after = replace(contract, name=name, metadata=metadata or None)
    return contract if after == contract else replace(after, version=contract.version + 1, updated_at=now)


def followed(contract: Contract, outcome: str, created: str | None, now: datetime) -> Contract:
    """The contract after its transaction has changed; itself if nothing changes for it.

    `outcome` is the transaction's public status, `created` the address in its receipt."""
    status: ContractStatus
    if outcome == "confirmed" and (contract.foretold or created is not None):
        status, address = "deployed", contract.address if contract.foretold else created
    elif outcome in ("confirmed", "reverted", "cancelled", "rejected", "expired"):
        status, address = "failed", contract.address
    else:  # a reorganisation removed its block, or no block contains it yet
        status, address = "deploying", contract.address if contract.foretold else None
    if (status, address) == (contract.status, contract.address):
        return contract
    return replace(contract, status=status, address=address, version=contract.version + 1, updated_at=now)
