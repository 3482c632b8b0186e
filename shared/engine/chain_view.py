"""The chain as one pass sees it: with one head, answers cached for the pass, and proofs by quorum."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from typing import Self

from shared import resources
from shared.chain import evidence
from shared.chain.client import ChainClient
from shared.chain.errors import ChainError, ExecutionReverted, NoQuorum
from shared.chain.reverts import decode_revert
from shared.chain.types import Block, CallRequest
from shared.domain.transactions.evidence import Receipt
from shared.domain.transactions.transactions import Transaction
from shared.engine.process_hints import hints

_log = logging.getLogger(__name__)
MAX_FAILURES = 3  # blocks that may fail in one pass
MAX_TOGETHER = 192  # of our transactions for which a block is proven together with more of them


class ChainView:
    """Answers about one chain. Those of a single node show where to look; only the `prove…` methods, which ask a
    quorum, may end a transaction or undo its end."""

    def __init__(self, client: ChainClient) -> None:
        self.client = client
        self.now = resources.clock().now()
        self.head: Block = client.head()
        self._tags = {"latest": self.head.number} if client.pool.needed == 1 else {}
        self.confirmed, self.finalized = self.read_confirmed(), self.read_finalized()
        if self.finalized >= 0:
            hints().final_heights[client.spec.name] = (self.now, self.finalized)
        self._failures = 0
        self._hashes: dict[int, str | None] = {}
        self._receipts: dict[str, Receipt | None] = {}
        self._proven: dict[int, dict[str, Receipt] | None] = {}
        self._ours: set[str] = set()
        self._canonical: dict[int, str | None] = {}
        self.lowest_new: int | None = None  # the lowest block in which this visit recorded a transaction

    def for_bucket(self) -> Self:
        """A view with the same head, heights and blocks, but its own transaction data."""
        view = copy.copy(self)
        view._receipts, view._proven, view._ours, view.lowest_new = {}, {}, set(), None
        return view

    @property
    def agreed_head(self) -> int:
        """The newest height that a quorum has reached."""
        return self._reached("latest")

    def read_confirmed(self) -> int:
        policy = self.client.spec.confirmations
        return self._depth(policy) if isinstance(policy, int) else self._reached(policy)

    def read_finalized(self) -> int:
        spec = self.client.spec
        return self._reached("finalized") if spec.has_finalized else self._depth(2 * spec.depth)

    def _depth(self, blocks: int) -> int:
        """The newest height that has this many blocks from it up to the head; -1 if there is none."""
        return max(-1, self._reached("latest") + 1 - blocks)

    def _reached(self, tag: str) -> int:
        if tag not in self._tags:
            try:
                self._tags[tag] = evidence.reached(self.client, tag)
            except NoQuorum:
                self._tags[tag] = -1
        return self._tags[tag]

    def know(self, hashes: Iterable[str]) -> None:
        """Mark these transaction hashes as ours, so that blocks are proven for them; also for those marked before,
        unless they are many: a block may hold thousands of ours, and each slice would ask for all of them again."""
        wanted = set(hashes)
        if not wanted <= self._ours:
            self._ours = wanted if len(self._ours) >= MAX_TOGETHER else self._ours | wanted
            self._proven.clear()

    def load_hashes(self, numbers: Iterable[int]) -> None:
        """Fetch the hashes of the canonical blocks at these heights, in one exchange."""
        wanted = sorted(set(numbers) - self._hashes.keys())
        self._hashes.update(zip(wanted, self.client.hashes(wanted), strict=True))

    def load_receipts(self, hashes: Sequence[str]) -> None:
        """Fetch these receipts, in one exchange."""
        wanted = [one for one in dict.fromkeys(hashes) if one not in self._receipts]
        self._receipts.update(zip(wanted, self.client.receipts(wanted), strict=True))

    def hash_at(self, number: int) -> str | None:
        """The hash of the block that a node shows at a height."""
        self.load_hashes([number])
        return self._hashes[number]

    def receipt(self, tx_hash: str) -> Receipt | None:
        """A receipt that a node shows, from a block up to the head; None proves nothing."""
        self.load_receipts([tx_hash])
        receipt = self._receipts[tx_hash]
        return receipt if receipt is not None and receipt.block_number <= self.head.number else None

    def proven_receipts(self, number: int) -> dict[str, Receipt] | None:
        """Our receipts in the canonical block at a height, by hash, as a quorum shows them; None if not proven yet."""
        if number not in self._proven:
            try:
                receipts = evidence.receipts_of_block(self.client, number, self.head.number, self._ours)
                self._proven[number] = {receipt.hash: receipt for receipt in receipts}
            except ChainError as error:
                self._unproven(number, error)
                self._proven[number] = None
        return self._proven[number]

    def proves_hash(self, number: int, wanted: str) -> bool | None:
        """Whether `wanted` is the canonical block at a height. None while there is no quorum or nodes show no block
        there, because a lagging node does not have the block yet."""
        self.prove_hashes([number])
        canonical = self._canonical[number]
        return None if canonical is None else canonical == wanted

    def prove_hashes(self, numbers: Iterable[int]) -> None:
        """Ask a quorum for the canonical blocks at these heights, in one exchange with each endpoint."""
        wanted = sorted(set(numbers) - self._canonical.keys())
        try:
            found = evidence.canonical_hashes(self.client, wanted, self.head.number)
        except ChainError as error:
            self._unproven(wanted[0], error)
            found = [None] * len(wanted)
        self._canonical.update(zip(wanted, found, strict=True))

    def proves_absent(self, number: int, block: str, hashes: Sequence[str]) -> bool:
        """Whether a quorum shows this block at a height, and none of these transactions in it."""
        try:
            shown = evidence.block_holds(
                self.client, number, [one.lower() for one in hashes], self.head.number
            )
        except ChainError as error:
            self._unproven(number, error)
            return False
        return shown == (block, False)

    def revert_reason(self, row: Transaction, number: int) -> str | None:
        """Why a transaction of this block reverts: call it again on the state before the block and decode the error.
        None if that call succeeds or no node can answer. Nothing is decided by it."""
        call = CallRequest(row.from_address, row.to, row.value, row.data, row.gas, row.access_list)
        try:
            self.client.call(call, number - 1)
        except ExecutionReverted as error:
            from shared.engine import known_errors

            known = known_errors.of(row.user_id, row.chain, row.to, row.id)
            return decode_revert(error.data, known, error.text).reason
        except ChainError as error:
            fields = {"transaction": row.id, "error": str(error)}
            _log.info("why it reverted cannot be found out", extra=fields)
        return None

    def _unproven(self, number: int, error: ChainError) -> None:
        """Log that a block could not be read. One such block must not delay the others; after too many failures the
        pass ends."""
        if isinstance(error, NoQuorum):
            return
        fields = {"chain": self.client.spec.name, "block": number, "error": str(error)}
        _log.warning("a block cannot be looked at", extra=fields)
        self._failures += 1
        if self._failures > MAX_FAILURES:
            raise error
