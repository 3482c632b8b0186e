"""The receipts of a block, as one endpoint shows them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from shared.chain import types
from shared.chain.endpoints import Endpoint
from shared.chain.errors import Lagging, NodeError, Unreachable
from shared.chain.pool import result_or_raise
from shared.domain.transactions.evidence import Receipt


def block_receipts(
    endpoint: Endpoint, number: int, wanted: Collection[str] | None = None
) -> tuple[Receipt, ...]:
    """The receipts of the canonical block at a height; () if there is no such block yet.

    With `wanted`, only the receipts of these hashes, so that other transactions, which nodes may show differently or
    incorrectly, have no influence. They are fetched one by one if the node cannot return the block's receipts
    together, for example because somebody filled the block with logs."""
    try:
        answers = endpoint.call("eth_getBlockReceipts", [hex(number)]) or []
    except (NodeError, Unreachable) as error:
        if isinstance(error, Lagging):
            raise
        return _one_by_one(endpoint, number, wanted)

    def ours(entries: list[Any]) -> list[Any]:
        return [one for one in entries if wanted is None or str(one.get("transactionHash")).lower() in wanted]

    receipts = types.parsed(lambda entries: [types.receipt(entry) for entry in ours(entries)], answers)
    return tuple(receipt for receipt in receipts if receipt is not None)


def _one_by_one(endpoint: Endpoint, number: int, wanted: Collection[str] | None) -> tuple[Receipt, ...]:
    block = types.block(endpoint.call("eth_getBlockByNumber", [hex(number), False]))
    if block is None:
        return ()
    hashes = [one for one in block.transactions if wanted is None or one.lower() in wanted]
    answers = endpoint.batch([("eth_getTransactionReceipt", [one]) for one in hashes]) if hashes else []
    receipts = [types.receipt(result_or_raise(answer)) for answer in answers]
    if any(receipt is None or receipt.block_hash != block.hash for receipt in receipts):
        raise Lagging("the receipts are not those of the block")
    return tuple(receipt for receipt in receipts if receipt is not None)
