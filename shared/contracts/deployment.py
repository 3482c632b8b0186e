"""Prepare the creation of a contract: its code with the constructor's arguments, sent directly or through the
deterministic deployer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from shared.chain.client import ChainClient
from shared.chain.types import CallRequest
from shared.contracts import calls
from shared.domain.contracts import abi as rules
from shared.domain.contracts.abi import Entry
from shared.domain.contracts.contracts import AddressTaken, NoCode
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.transactions.acceptance import MAX_INITCODE_BYTES, DataTooLarge
from shared.keys.addresses import checksummed

# github.com/Arachnid/deterministic-deployment-proxy: at this address on most chains. Its call data is a salt and the
# code.
DEPLOYER: Final = "0x4e59b44847b379578588920cA78FbF26c0B4956C"


class NoDeployer(Refusal):
    code, status = "NO_DEPLOYER", 422
    message = "The chain has no deterministic deployer: leave out the salt."


@dataclass(frozen=True, slots=True)
class Creation:
    """A contract creation. `to` None: created directly. `address` is known in advance only with a salt."""

    abi: list[Entry]
    to: str | None
    data: bytes
    address: str | None = None


def creation(abi: list[Entry], bytecode: str, given: Any, *, value: int, salt: str | None) -> Creation:
    """The creation of a contract. Raises InvalidValue, DataTooLarge (EIP-3860)."""
    entry = rules.constructor(abi)
    if value and not rules.payable(entry):
        raise InvalidValue("value", "the constructor takes none")
    code = bytes.fromhex(bytecode[2:]) + calls.constructor_data(entry, given)
    if len(code) > MAX_INITCODE_BYTES:
        raise DataTooLarge(limit=MAX_INITCODE_BYTES)
    if salt is None:
        return Creation(abi, None, code)
    chosen = bytes.fromhex(salt[2:])
    return Creation(abi, DEPLOYER, chosen + code, create2_address(chosen, code))


def create2_address(salt: bytes, code: bytes) -> str:
    """The address (EIP-55) that the deployer gives to a contract with this code and 32-byte salt (EIP-1014)."""
    from eth_hash.auto import keccak

    return checksummed(keccak(b"\xff" + bytes.fromhex(DEPLOYER[2:]) + salt + keccak(code))[12:])


def require_place(client: ChainClient, planned: Creation) -> None:
    """Check that the predicted address is free and the deployer exists. Raises AddressTaken, NoDeployer, ChainError."""
    if planned.address is None:
        return
    if not client.code(DEPLOYER):
        raise NoDeployer
    if client.code(planned.address):
        raise AddressTaken(address=planned.address)


def require_code(client: ChainClient, planned: Creation, sender: str, value: int) -> None:
    """Check that the new address will have code: a constructor may return no code, or destroy the contract. The
    deployer itself refuses only some of these cases. Raises NoCode, ChainError."""
    if planned.to is None and not client.call(CallRequest(sender, None, value, planned.data)):
        raise NoCode
