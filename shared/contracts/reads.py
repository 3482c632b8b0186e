"""Many reads at one block together; each read may fail independently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.chain.client import ChainClient
from shared.chain.errors import AnswerTooLong, Lagging, NodeError
from shared.chain.types import BlockRef
from shared.contracts import calls
from shared.domain.contracts import abi as rules
from shared.domain.errors import InvalidValue, Refusal

# github.com/mds1/multicall3: at this address on most chains.
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
Read = tuple[str, bytes]  # (address, call data)
Outcome = bytes | NodeError
AT_ONCE: Final = 20  # calls that a node can compute within the time of one exchange, for any contracts
MAX_TOGETHER: Final = 8 * 1024 * 1024  # bytes of answers in total, if some are too large to read together
TOO_LARGE: Final = NodeError("the contracts answer more than is read")


def number_of(client: ChainClient, block: int | str) -> int:
    """The height of an existing block. Raises InvalidValue (`block`), ChainError."""
    try:
        found = client.block(block)
    except Lagging:
        found = None
    if found is None:
        raise InvalidValue("block", "no node of the chain has this block")
    return found.number


def at_block(client: ChainClient, wanted: Sequence[Read], block: int) -> list[Outcome]:
    """The answers in order: through Multicall3 in one call if it exists, otherwise in one exchange with one node.

    Also uses one exchange if the calls together need more computation than a node allows for one call. Raises
    ChainError.
    """
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
    except (NodeError, AnswerTooLong, Refusal):
        return None
    if len(results) != len(wanted):
        return None
    return [data if success else calls.reverted(data) for success, data in results]


def batched(client: ChainClient, wanted: Sequence[Read], block: BlockRef) -> list[Outcome]:
    """Read a few at a time. If a group's answers are too large, read its calls one by one, up to MAX_TOGETHER bytes.

    Raises ChainError for errors other than the contract's own.
    """
    outcomes: list[Outcome] = []
    left = MAX_TOGETHER
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        try:
            outcomes += client.call_many(some, block) if left > 0 else [TOO_LARGE for _ in some]
        except AnswerTooLong:
            for one in some:
                outcome = _alone(client, one, block) if left > 0 else TOO_LARGE
                left -= _size(outcome)
                outcomes.append(outcome)
    return outcomes


def _size(outcome: Outcome) -> int:
    """The size in bytes. A single answer that is too large uses the whole limit, so that no further read follows."""
    if outcome is TOO_LARGE:
        return MAX_TOGETHER
    return len(outcome) if isinstance(outcome, bytes) else 0


def _alone(client: ChainClient, wanted: Read, block: BlockRef) -> Outcome:
    try:
        return client.call_many([wanted], block)[0]
    except AnswerTooLong:
        return TOO_LARGE
