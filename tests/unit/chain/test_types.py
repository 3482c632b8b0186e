"""Answers that the database could not hold: they count as garbage, or one row would be refused at each pass."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain import types
from shared.chain.errors import NodeError, Unreachable, classify

HASH = "0x" + "ab" * 32
RECEIPT = {
    "transactionHash": HASH, "blockHash": HASH, "blockNumber": "0x5", "status": "0x1", "gasUsed": "0x5208",
    "effectiveGasPrice": "0x1", "contractAddress": None, "logs": [],
}  # fmt: skip
BLOCK = {
    "number": "0x5", "hash": HASH, "parentHash": HASH, "timestamp": "0x1", "gasLimit": "0x1", "transactions": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("blockHash", "0x" + "ab" * 3_000), ("transactionHash", "a hash"), ("gasUsed", hex(2**63)),
        ("effectiveGasPrice", hex(2**70)), ("blockNumber", "-0x5"),
    ],
)  # fmt: skip
def test_a_receipt_that_no_row_can_hold_is_garbage(field: str, lie: Any) -> None:
    assert types.receipt(RECEIPT)
    with pytest.raises(Unreachable):
        types.receipt(RECEIPT | {field: lie})


@pytest.mark.parametrize(("field", "lie"), [("hash", "0x" + "ab" * 33), ("number", hex(2**63))])
def test_a_block_that_no_row_can_hold_is_garbage(field: str, lie: Any) -> None:
    assert types.block(BLOCK)
    with pytest.raises(Unreachable):
        types.block(BLOCK | {field: lie})


def test_what_is_no_hash_of_a_block_counts_as_none() -> None:
    assert types.hash_of(BLOCK) == HASH
    assert [types.hash_of(one) for one in (None, {}, {"hash": 5}, {"hash": HASH + "00"})] == [None] * 4


def test_a_nodes_text_can_be_stored() -> None:
    """It explains a revert; half of a UTF-16 pair, which JSON allows, has no UTF-8."""
    error = classify("execution reverted: \ud800")
    assert isinstance(error, NodeError)
    assert error.text.encode() == b"execution reverted: ?"
