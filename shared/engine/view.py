"""What one pass over a chain sees: one head for everything, answers remembered for the pass, evidence by quorum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared import resources
from shared.chain import evidence, types
from shared.chain.client import ChainClient
from shared.chain.errors import NoQuorum
from shared.chain.types import Block
from shared.domain.tx_evidence import Receipt


class View:
    """Plain answers show what to look into; only `proven…` ones make something terminal or undo it."""

    def __init__(self, client: ChainClient) -> None:
        self.client = client
        self.now = resources.clock().now()
        self.head: Block = client.head()
        self.finalized = self._finalized()
        self.confirmed = self._confirmed()
        self._hashes: dict[int, str | None] = {}
        self._receipts: dict[str, Receipt | None] = {}
        self._proven: dict[int, dict[str, Receipt] | None] = {}

    def _finalized(self) -> int:
        spec = self.client.spec
        if not spec.has_finalized:
            return max(-1, self.head.number + 1 - 2 * spec.depth)
        return self.client.finalized_number()

    def _confirmed(self) -> int:
        policy = self.client.spec.confirmations
        return self.head.number + 1 - policy if isinstance(policy, int) else self.client.confirmed_number()

    def load_hashes(self, numbers: Iterable[int]) -> None:
        """Ask for the canonical blocks at these heights, in one exchange."""
        wanted = sorted(set(numbers) - self._hashes.keys())
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in wanted]
        for number, answer in zip(wanted, self.client.batch(calls) if calls else (), strict=True):
            found = types.block(answer)
            self._hashes[number] = found.hash if found else None

    def load_receipts(self, hashes: Sequence[str]) -> None:
        """Ask for these receipts, in one exchange."""
        wanted = [one for one in dict.fromkeys(hashes) if one not in self._receipts]
        self._receipts.update(zip(wanted, self.client.receipts(wanted), strict=True))

    def hash_at(self, number: int) -> str | None:
        """The hash of the block that a node shows at a height."""
        self.load_hashes([number])
        return self._hashes[number]

    def receipt(self, tx_hash: str) -> Receipt | None:
        """A receipt that a node shows; None says nothing."""
        self.load_receipts([tx_hash])
        return self._receipts[tx_hash]

    def proven_receipts(self, number: int) -> dict[str, Receipt] | None:
        """The receipts of the canonical block at a height by hash, as a quorum gives them; None: not yet."""
        if number not in self._proven:
            try:
                found = evidence.receipts_of_block(self.client, number, self.head.number)
                self._proven[number] = {receipt.hash: receipt for receipt in found}
            except NoQuorum:
                self._proven[number] = None
        return self._proven[number]

    def proves_hash(self, number: int, wanted: str) -> bool | None:
        """Whether the canonical block at a height is this one; None while no quorum says."""
        try:
            return evidence.canonical_hash(self.client, number, self.head.number) == wanted
        except NoQuorum:
            return None
