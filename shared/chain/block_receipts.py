"""The receipts of a block, as one endpoint shows them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from shared.chain import types
from shared.chain.endpoints import Endpoint
from shared.chain.errors import Lagging, NodeError, RateLimited, Unreachable
from shared.chain.pool import result_or_raise
from shared.chain.types import Block
from shared.domain.transactions.evidence import Receipt


def block_receipts(
    endpoint: Endpoint, number: int, wanted: Collection[str] | None = None
) -> tuple[Receipt, ...]:
    """The receipts of the canonical block at a height; () if there is no such block yet.

    With `wanted`, only the receipts of these hashes, so that other transactions, which nodes may show differently or
    incorrectly, have no influence. If they are the smaller part of the block, only they are asked for: a full block
    may take a node seconds, and megabytes. All are fetched one by one if the node cannot return the block's receipts
    together, for example because somebody filled the block with logs."""
    if wanted is None:
        return _together(endpoint, number, None)
    block = types.block(endpoint.call("eth_getBlockByNumber", [hex(number), False]))
    hashes = _wanted_of(block, wanted)
    if block is None or not hashes:
        return ()
    if 2 * len(hashes) <= len(block.transactions):
        try:
            return _by_hash(endpoint, block, hashes)
        except (NodeError, RateLimited):
            pass  # the node may hide receipts that it shows with their block, or limit the calls of a batch
    return _together(endpoint, number, wanted)


def _together(endpoint: Endpoint, number: int, wanted: Collection[str] | None) -> tuple[Receipt, ...]:
    try:
        answers = endpoint.call("eth_getBlockReceipts", [hex(number)]) or []
    except (NodeError, Unreachable) as error:
        if isinstance(error, Lagging):
            raise
        block = types.block(endpoint.call("eth_getBlockByNumber", [hex(number), False]))
        return _by_hash(endpoint, block, _wanted_of(block, wanted)) if block else ()

    def ours(entries: list[Any]) -> list[Any]:
        return [one for one in entries if wanted is None or str(one.get("transactionHash")).lower() in wanted]

    receipts = types.parsed(lambda entries: [types.receipt(entry) for entry in ours(entries)], answers)
    return tuple(receipt for receipt in receipts if receipt is not None)


def _wanted_of(block: Block | None, wanted: Collection[str] | None) -> list[str]:
    return [one for one in block.transactions if wanted is None or one.lower() in wanted] if block else []


def _by_hash(endpoint: Endpoint, block: Block, hashes: Sequence[str]) -> tuple[Receipt, ...]:
    """The receipts of these transactions of a block. Raises Lagging unless the node has all of them in this block."""
    answers = endpoint.batch([("eth_getTransactionReceipt", [one]) for one in hashes]) if hashes else []
    receipts = [types.receipt(result_or_raise(answer)) for answer in answers]
    if any(receipt is None or receipt.block_hash != block.hash for receipt in receipts):
        raise Lagging("the receipts are not those of the block")
    return tuple(receipt for receipt in receipts if receipt is not None)
