"""The receipts of a block, as one endpoint shows them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from shared.chain import types
from shared.chain.endpoints import Endpoint
from shared.chain.errors import MethodMissing
from shared.chain.pool import result_or_raise
from shared.domain.tx_evidence import Receipt


def block_receipts(
    endpoint: Endpoint, number: int, wanted: Collection[str] | None = None
) -> tuple[Receipt, ...]:
    """eth_getBlockReceipts of one endpoint, or one by one where the method is missing; of `wanted` hashes only, so
    that nobody else's transaction, which nodes may show differently or strangely, has a say."""
    try:
        answers = endpoint.call("eth_getBlockReceipts", [hex(number)]) or []
    except MethodMissing:
        found = types.block(endpoint.call("eth_getBlockByNumber", [hex(number), False]))
        hashes = [
            one for one in (found.transactions if found else ()) if wanted is None or one.lower() in wanted
        ]
        calls = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes]
        answers = [result_or_raise(answer) for answer in endpoint.batch(calls)] if calls else []

    def ours(entries: list[Any]) -> list[Any]:
        return [one for one in entries if wanted is None or str(one.get("transactionHash")).lower() in wanted]

    receipts = types.parsed(lambda entries: [types.receipt(entry) for entry in ours(entries)], answers)
    return tuple(receipt for receipt in receipts if receipt is not None)
