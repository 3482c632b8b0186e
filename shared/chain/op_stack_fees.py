"""The layer-1 fee that an OP-stack chain charges in addition to gas × fee; its GasPriceOracle returns an upper bound.

Source: OP-stack specifications, Fjord, "Predeploys: GasPriceOracle" (`getL1FeeUpperBound`). The oracle itself adds 68
bytes for the signature, and assumes incompressible bytes.
"""

from __future__ import annotations

from typing import Any, Final

from shared.chain import tokens, types
from shared.chain.errors import ChainError, Unreachable
from shared.chain.rpc import Call
from shared.domain.transactions.acceptance import listed_bytes

UPPER_BOUND: Final = bytes.fromhex("f1c7a58b")  # getL1FeeUpperBound(uint256 unsignedTxSize)
# The RLP bytes at their longest: type and list prefix 1 + 4; chain id and nonce 9 each; two fees (caps fit 64 bits)
# and the gas 9 each; recipient 21; value 33; the prefixes of data and access list 4 each; and one byte for an entry of
# the access list above 64 KiB.
FIXED_BYTES: Final = 1 + 4 + 2 * 9 + 3 * 9 + 21 + 33 + 2 * 4 + 1
MAX_WEI: Final = 10**19  # ten coins for one transaction: a larger number cannot be a fee


def unsigned_size(data: bytes, access_list: str | None) -> int:
    """An upper bound for the size of an unsigned EIP-1559 transaction with this data and access list."""
    return FIXED_BYTES + len(data) + listed_bytes(access_list)


def fee_call(oracle: str, size: int) -> Call:
    """The call that asks the oracle at this address for the fee of a transaction of `size` unsigned bytes."""
    query = {"to": oracle, "input": "0x" + (UPPER_BOUND + size.to_bytes(32, "big")).hex()}
    return "eth_call", [query, "latest"]


def wei(answer: Any) -> int:
    """The bound in one answer of a batch. Raises Unreachable for an error (its text is about the oracle, not the
    transaction), for an empty answer (there is no contract) and for an impossible fee."""
    if isinstance(answer, ChainError):
        raise Unreachable("the fee oracle fails") from answer
    said = types.data(answer)
    bound = tokens.uint(said)
    if bound is None or len(said) != 32 or bound > MAX_WEI:
        raise Unreachable("the fee oracle does not answer with a fee")
    return bound
