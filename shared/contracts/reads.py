"""Many reads of one block at once, of which each may fail by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.chain.client import ChainClient
from shared.chain.errors import Lagging, NodeError
from shared.chain.types import BlockRef
from shared.contracts import calls
from shared.domain.contracts import abi as rules
from shared.domain.errors import InvalidValue, Refusal

# github.com/mds1/multicall3: on most chains at this address.
MULTICALL: Final = "0xcA11bde05977b3631167028862bE2a173976CA11"
_BYTES: Final = {"name": "", "type": "bytes"}
AGGREGATE: Final = rules.checked(
    [
        {
            "type": "function",
            "name": "aggregate3",
            "stateMutability": "payable",
            "inputs": [
                {
                    "name": "calls",
                    "type": "tuple[]",
                    "components": [
                        {"name": "target", "type": "address"},
                        {"name": "allowFailure", "type": "bool"},
                        _BYTES | {"name": "callData"},
                    ],
                }
            ],
            "outputs": [
                {
                    "name": "",
                    "type": "tuple[]",
                    "components": [{"name": "success", "type": "bool"}, _BYTES | {"name": "returnData"}],
                }
            ],
        }
    ]
)[0]
Read = tuple[str, bytes]  # an address and the data of a call
Outcome = bytes | NodeError


def number_of(client: ChainClient, block: int | str) -> int:
    """The height of a block that is there. Raises InvalidValue (`block`), ChainError."""
    try:
        found = client.block(block)
    except Lagging:
        found = None
    if found is None:
        raise InvalidValue("block", "no node of the chain has this block")
    return found.number


def at_block(client: ChainClient, wanted: Sequence[Read], block: int) -> list[Outcome]:
    """Answers in order: through Multicall3 in one call where it is, else in one exchange with one node.

    Also in one exchange where the calls together need more than a node computes for one. Raises ChainError."""
    return _aggregated(client, wanted, block) or batched(client, wanted, block)


def _aggregated(client: ChainClient, wanted: Sequence[Read], block: int) -> list[Outcome] | None:
    if len(wanted) < 2 or not client.code(MULTICALL, block):
        return None
    given = [[[address, True, "0x" + data.hex()] for address, data in wanted]]
    try:
        (answer,) = client.call_many([(MULTICALL, calls.data_of(AGGREGATE, given))], block)
        if isinstance(answer, NodeError):
            return None
        (results,) = calls.raw(AGGREGATE["outputs"], answer)
    except (NodeError, Refusal):
        return None
    if len(results) != len(wanted):
        return None
    return [data if success else calls.reverted(data) for success, data in results]


def batched(client: ChainClient, wanted: Sequence[Read], block: BlockRef) -> list[Outcome]:
    """One exchange. Raises ChainError for what is no word of the contract's."""
    return client.call_many(wanted, block)
