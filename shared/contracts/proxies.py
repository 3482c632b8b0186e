"""Proxies: find contracts that forward their calls, and the implementation. This is the current state; it may
change."""

from __future__ import annotations

from typing import Final

from schemas.contracts import Proxy
from shared import resources
from shared.chain.client import ChainClient
from shared.chain.errors import AnswerTooLong, ChainError, NodeError
from shared.chain.types import CallRequest
from shared.domain.contracts.contracts import Contract
from shared.domain.errors import Refusal
from shared.keys.addresses import ZERO_ADDRESS, checksummed

# EIP-1967: keccak-256 of "eip1967.proxy.implementation" and "eip1967.proxy.beacon", minus 1.
IMPLEMENTATION: Final = (
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"  # pragma: allowlist secret
)
BEACON: Final = (
    "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"  # pragma: allowlist secret
)
ASK_BEACON: Final = bytes.fromhex("5c60da1b")  # implementation()
# Code before and after the address: EIP-1167, and its variant with PUSH0.
MINIMAL: Final = tuple(
    (bytes.fromhex(before), bytes.fromhex(after))
    for before, after in (
        ("363d3d373d3d3d363d73", "5af43d82803e903d91602b57fd5bf3"),
        ("365f5f375f5f365f73", "5af43d5f5f3e5f3d91602a57fd5bf3"),
    )
)


def of(contract: Contract) -> Proxy | None:
    """The proxy information of a contract; None if it is no proxy or is not on the chain."""
    if contract.address is None or contract.status != "deployed":
        return None
    try:
        return at(resources.chain(contract.chain), contract.address)
    except (ChainError, Refusal):  # a deployment may no longer serve the chain
        return Proxy(kind="unknown", implementation=None)


def at(client: ChainClient, address: str) -> Proxy | None:
    """The proxy information of an address; None if it is no proxy. Raises ChainError."""
    code, (implementation, beacon) = client.code_and_storage(address, (IMPLEMENTATION, BEACON))
    if target := minimal(code):
        return Proxy(kind="minimal", implementation=target)
    if target := _address(implementation):
        return Proxy(kind="eip1967", implementation=target)
    if (source := _address(beacon)) is None:
        return None
    try:
        answer = client.call(CallRequest(ZERO_ADDRESS, source, data=ASK_BEACON))
    except (NodeError, AnswerTooLong):  # the beacon does not answer, or with no address
        answer = b""
    return Proxy(kind="beacon", implementation=_address(answer))


def minimal(code: bytes) -> str | None:
    """The address in the code of a minimal proxy; the proxy's own data may follow that code."""
    for before, after in MINIMAL:
        end = len(before) + 20
        if code.startswith(before) and code[end : end + len(after)] == after:
            return checksummed(code[len(before) : end])
    return None


def _address(word: bytes) -> str | None:
    if len(word) != 32 or any(word[:12]) or not any(word):
        return None
    return checksummed(word[12:])
