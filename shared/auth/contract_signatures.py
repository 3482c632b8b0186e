"""Contract wallets: whether the contract at an address accepts a signature (EIP-1271)."""

from __future__ import annotations

from collections.abc import Callable

from shared import resources
from shared.chain.errors import ExecutionReverted
from shared.chain.registry import UnknownChain
from shared.chain.types import CallRequest
from shared.identity.errors import IdentityBusy
from shared.keys.work_slots import WorkSlots

# The selector of isValidSignature(bytes32,bytes), and also its answer for a valid signature.
_MAGIC = bytes.fromhex("1626ba7e")

NOBODY = "0x" + "0" * 40


class ContractChecks(WorkSlots):
    """The calls of contracts that this process waits for. Anybody chooses the contract, and a node may compute for
    seconds: the other threads stay free for other sign-ins."""

    AT_ONCE, SECONDS = 2, 1.0

    def __init__(self) -> None:
        super().__init__(self.AT_ONCE, self.SECONDS, IdentityBusy)


def checker(chain_id: int) -> Callable[[str, bytes, bytes], bool] | None:
    """A function `(address, digest, signature) → valid` for this chain; None if the deployment does not serve it. It
    raises IdentityBusy (503) while too many others run, and ChainError."""
    try:
        chain = resources.chain(resources.registry().by_id(chain_id).name)
    except UnknownChain:
        return None

    def valid(address: str, digest: bytes, signature: bytes) -> bool:
        with resources.memory(ContractChecks):
            if not chain.code(address):
                return False
            try:
                answer = chain.call(CallRequest(NOBODY, address, data=_call(digest, signature)))
            except ExecutionReverted:
                return False
        return answer[:4] == _MAGIC and len(answer) >= 32

    return valid


def _call(digest: bytes, signature: bytes) -> bytes:
    """The call data (ABI): the selector, the digest, the offset of the bytes (64), their length, and the bytes padded
    to words."""
    padded = signature + bytes(-len(signature) % 32)
    return _MAGIC + digest + (64).to_bytes(32, "big") + len(signature).to_bytes(32, "big") + padded
