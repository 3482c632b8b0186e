"""T8: what the chain says of a lane, nonces without a row, and transactions that somebody else sent with our key."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from shared import resources
from shared.chain import evidence
from shared.chain.errors import ChainError, NoQuorum
from shared.chain.types import MinedTransaction, Nonces
from shared.domain.transactions import acceptance, lanes, outcome
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.outcome import ForeignProof, NotEvidence
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine import confirmation
from shared.engine.batch import Batch
from shared.engine.chain_view import ChainView
from shared.engine.process_hints import hints
from shared.store.session import Session
from shared.store.tables.transactions import LANES, TRANSACTIONS, nonces
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
SEARCH_MARGIN = 200  # blocks before a transaction was accepted; what used its nonce is looked for there first
SAME_HEIGHT_BLOCKS = 32  # as long a question keeps its height
MAX_NONCES_READ = 1_024  # as many as may be in flight


def sync(view: ChainView, lane: Lane, counts: Nonces) -> None:
    """Store what the chain says of a lane; nothing is written when it says nothing new."""
    finalized = counts.finalized if counts.finalized <= lane.next_nonce else _proven_count(view, lane)
    after, foreign = lanes.sync(lane, view.now, latest=counts.latest, finalized=finalized)
    if foreign:
        _log.error("another sender uses this key", extra={"lane": lane.id, "chain_nonce": counts.latest})
    if after != lane:
        commit(_sync, lane.id, counts.latest, finalized)


def _sync(unit: UnitOfWork, lane_id: str, latest: int, finalized: int) -> None:
    lane = unit.one(LANES.get(lane_id))
    unit.write(lanes.sync(lane, unit.now, latest=latest, finalized=finalized)[0])


def _proven_count(view: ChainView, lane: Lane) -> int:
    """The finalized count, when a quorum gives it: only that may raise the floor. Asked at one height until then."""
    key = ("count", lane.id)
    height = _height(view, key)
    try:
        count = evidence.nonce_at(view.client, lane.address, height, view.head.number)
    except ChainError:
        return lane.finalized_nonce
    hints().question_heights.pop(key, None)
    return count


def resume(lane: Lane) -> None:
    """Let a lane go on when nothing on it is blocked any more for what it was paused for."""
    commit(_resume, lane)


def _resume(unit: UnitOfWork, seen: Lane) -> None:
    lane = unit.one(LANES.get(seen.id))
    if lane.paused_reason == seen.paused_reason:
        unit.write(lanes.resume(lane, unit.now))


def fill_gaps(lane: Lane, latest: int, sample: Transaction) -> None:
    """Insert a no-op for every nonce of [latest, next_nonce) that no row holds; `sample` is any row of the lane.

    A node that lags far behind shows a long past: the nonces that come next are the ones that matter."""
    session = Session(resources.database().snapshot())
    end = min(lane.next_nonce, latest + MAX_NONCES_READ)
    taken = session.one(nonces(lane.id, latest, end))
    missing = lanes.gaps(
        replace(lane, chain_nonce=latest, next_nonce=end), (entry["nonce"] for entry in taken)
    )
    if missing:
        _log.error("nonces without a row are filled", extra={"lane": lane.id, "count": len(missing)})
        commit(_fill, missing, sample)


def _fill(unit: UnitOfWork, missing: Sequence[int], sample: Transaction) -> None:
    for nonce in missing[: lanes.MAX_BATCH]:
        filled = acceptance.fill(
            sample.wallet_id,
            sample.user_id,
            sample.chain,
            sample.from_address,
            nonce=nonce,
            transaction_id=unit.new_id("txn"),
            now=unit.now,
        )
        unit.write(filled)


def find_holder(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> None:
    """For a row without a receipt whose nonce is final: find what took it, in finalized blocks and by a quorum.

    One of our own attempts: its receipt was hidden, it is mined. Another sender's: the row is blocked."""
    holder = _holder(view, row)
    if holder is None or holder.block_number is None:
        return
    proof = _proof(view, row, attempts, holder)
    if proof is not None:
        fields = {"transaction": row.id, "foreign": proof.hash}
        _log.error("a nonce was used by another sender", extra=fields)
        commit(_block_foreign, row.id, proof, view.client.spec.block_seconds)
        return
    finding = confirmation.in_block(view, row, attempts, holder.block_number)
    if finding is not None:
        confirmation.write([finding], view.client.spec.block_seconds)


def proven_foreign(row: Transaction, attempts: Sequence[Attempt]) -> ForeignProof:
    """The proof once more, for giving the row up. Raises NoQuorum while there is none (503)."""
    view = ChainView(resources.chain(row.chain))
    holder = _holder(view, row)
    proof = _proof(view, row, attempts, holder) if holder else None
    if proof is None:
        raise NoQuorum("the foreign transaction is not proven at the moment")
    return proof


def _holder(view: ChainView, row: Transaction) -> MinedTransaction | None:
    """The mined transaction of this row's sender and nonce; None while a quorum does not show one."""
    assert row.nonce is not None
    key = ("nonce", row.id)
    high = _height(view, key)
    age = (view.now - row.created_at).total_seconds() / view.client.spec.block_seconds
    low = max(0, high - int(age) - SEARCH_MARGIN)
    try:
        holder = evidence.mined_with_nonce(
            view.client, row.from_address, row.nonce, low=low, high=high, head=view.head.number
        )
    except NoQuorum:
        return None
    except ChainError as error:
        _log.warning("a nonce cannot be looked up", extra={"transaction": row.id, "error": str(error)})
        return None
    hints().question_heights.pop(key, None)
    return holder


def _height(view: ChainView, key: tuple[str, str]) -> int:
    """A finalized height that a question is asked at for some passes, but not after nodes have dropped its state."""
    heights = hints().question_heights
    height = heights.get(key)
    if height is None or view.finalized - height > SAME_HEIGHT_BLOCKS:
        height = view.finalized
    heights[key] = height
    return height


def _proof(
    view: ChainView, row: Transaction, attempts: Sequence[Attempt], holder: MinedTransaction
) -> ForeignProof | None:
    if holder.block_number is None:
        return None
    proof = ForeignProof(row.from_address, row.nonce or 0, holder.hash, holder.block_number, view.finalized)
    try:
        outcome.check_foreign(row, attempts, proof)
    except NotEvidence:
        return None
    return proof


def release(unit: UnitOfWork, lane: Lane) -> None:
    """Let a lane go on whose foreign nonce is given up."""
    if lane.paused_reason == "FOREIGN_NONCE":
        unit.write(lanes.resume(lane, unit.now))


def _block_foreign(unit: UnitOfWork, transaction_id: str, proof: ForeignProof, block_seconds: float) -> None:
    batch = Batch.read(unit, [transaction_id])
    row, attempts = batch.rows[transaction_id], batch.attempts[transaction_id]
    if not row.live:
        return
    outcome.check_foreign(row, attempts, proof)
    lane = unit.one(LANES.get(row.lane_id))
    batch.change(unit, attempt_rules.block(row, "FOREIGN_NONCE", unit.now, block_seconds))
    if lane.paused_reason is None:
        unit.write(lanes.pause(lane, "FOREIGN_NONCE", unit.now))


def any_transaction(lane_id: str) -> Transaction | None:
    """Some transaction of a lane, for its wallet."""
    session = Session(resources.database().snapshot())
    entries = session.one(nonces(lane_id, 0, 2**62, limit=1))
    rows = session.follow(TRANSACTIONS, entries)
    return rows[0] if rows else None
