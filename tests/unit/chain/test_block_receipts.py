"""The receipts of a block: only ours where they are the smaller part, and whatever way a node shows them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain.block_receipts import block_receipts
from shared.chain.endpoints import Endpoint
from shared.chain.errors import Lagging, MethodMissing, RateLimited
from tests.support.batches import Batches

SIZE = 10
HASHES = [f"0x{number:064x}" for number in range(1, SIZE + 1)]
BLOCK = "0x" + "bb" * 32


class Node(Batches):
    """A node with one block; it may hide receipts that are asked for alone, not know the block's receipts, or answer
    only `limit` calls of a batch, like many hosted nodes."""

    name = "local#0"

    def __init__(self, *, hides: bool = False, together: bool = True, limit: int = SIZE) -> None:
        self.hides, self.together, self.asked, self.limit = hides, together, [0, 0], limit

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        answers = [getattr(self, method)(*params) for method, params in calls[: self.limit]]
        return answers + [RateLimited("too many calls at once") for _ in calls[self.limit :]]

    def close(self) -> None: ...

    def eth_chainId(self) -> str:
        return "0x1"

    def eth_getBlockByNumber(self, number: str, full: bool) -> Any:
        return {
            "number": "0x7", "hash": BLOCK, "parentHash": "0x" + "aa" * 32, "timestamp": "0x1", "gasLimit": "0x1",
            "baseFeePerGas": "0x1", "transactions": HASHES,
        }  # fmt: skip

    def eth_getTransactionReceipt(self, tx_hash: str) -> Any:
        self.asked[0] += 1
        return None if self.hides else self._receipt(tx_hash)

    def eth_getBlockReceipts(self, number: str) -> Any:
        self.asked[1] += 1
        return list(map(self._receipt, HASHES)) if self.together else MethodMissing("unknown method")

    def _receipt(self, tx_hash: str) -> Any:
        return {
            "transactionHash": tx_hash, "blockHash": BLOCK, "blockNumber": "0x7", "status": "0x1",
            "gasUsed": "0x1", "effectiveGasPrice": "0x1", "logs": [], "contractAddress": None,
        }  # fmt: skip


def read(node: Node, ours: int | None) -> list[str]:
    endpoint = Endpoint(node, 1)
    wanted = None if ours is None else set(HASHES[:ours])
    return [one.hash for one in block_receipts(endpoint, 7, wanted)]


@pytest.mark.parametrize(
    ("ours", "asked"),
    [(0, [0, 0]), (1, [1, 0]), (5, [5, 0]), (6, [0, 1]), (SIZE, [0, 1]), (None, [0, 1])],
)
def test_a_block_is_read_whole_only_where_most_of_it_is_ours(ours: int | None, asked: list[int]) -> None:
    node = Node()
    assert read(node, ours) == HASHES[:ours]
    assert node.asked == asked


def test_receipts_that_are_hidden_alone_are_found_in_the_block() -> None:
    node = Node(hides=True)
    assert read(node, 2) == HASHES[:2]
    assert node.asked == [2, 1]


def test_a_node_that_limits_calls_is_asked_for_the_block() -> None:
    """Otherwise it would be asked the same in each pass, and never confirm the block."""
    node = Node(limit=3)
    assert read(node, 5) == HASHES[:5]
    assert node.asked == [3, 1]


def test_a_node_that_cannot_show_them_together_is_asked_for_each() -> None:
    node = Node(together=False)
    assert read(node, 8) == HASHES[:8]
    assert node.asked == [8, 1]


def test_a_node_that_shows_them_in_no_way_lags() -> None:
    with pytest.raises(Lagging):
        read(Node(hides=True, together=False), 2)
