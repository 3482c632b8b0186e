"""Contract wallets: whether the contract at an address accepts a signature (EIP-1271)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared import resources
from shared.chain.registry import UnknownChain
from shared.chain.types import CallRequest
from shared.identity.errors import IdentityBusy
from shared.keys.addresses import ZERO_ADDRESS
from shared.runtime.context import current
from shared.runtime.fair_slots import FairSlots

# The selector of isValidSignature(bytes32,bytes), and also its answer for a valid signature.
_MAGIC = bytes.fromhex("1626ba7e")

SECONDS: Final = 2.0  # for one call
GAS: Final = 10_000_000  # of one call: many times what a wallet needs to check signatures


class ContractChecks(FairSlots):
    """The calls of contracts that this process waits for. Anybody chooses the contract, and a node may compute for
    seconds: the other threads stay free for other sign-ins, and networks have turns."""

    AT_ONCE, WAITING = 2, 2

    def __init__(self) -> None:
        super().__init__(self.AT_ONCE, self.WAITING, SECONDS, IdentityBusy)


def checker(chain_id: int) -> Callable[[str, bytes, bytes], bool] | None:
    """A function `(address, digest, signature) → valid` for this chain; None if the deployment does not serve it. It
    raises IdentityBusy (503) while too many others run, and ChainError."""
    try:
        chain = resources.chain(resources.registry().by_id(chain_id).name)
    except UnknownChain:
        return None

    def valid(address: str, digest: bytes, signature: bytes) -> bool:
        request = CallRequest(ZERO_ADDRESS, address, data=_call(digest, signature), gas=GAS)
        with resources.memory(ContractChecks).held(current().request.network):
            code, answer = chain.code_and_call(request, SECONDS)
        return bool(code) and isinstance(answer, bytes) and answer[:4] == _MAGIC and len(answer) >= 32

    return valid


def _call(digest: bytes, signature: bytes) -> bytes:
    """The call data (ABI): the selector, the digest, the offset of the bytes (64), their length, and the bytes padded
    to words."""
    padded = signature + bytes(-len(signature) % 32)
    return _MAGIC + digest + (64).to_bytes(32, "big") + len(signature).to_bytes(32, "big") + padded
