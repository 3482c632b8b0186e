"""Synchronise lanes with the chain (T8): fill nonces without a row, and find transactions that others sent with our
key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from shared.store.tables.transactions import LANES, TRANSACTIONS, first_nonce, glances, nonces
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
SEARCH_MARGIN = 200  # blocks before a transaction's acceptance: there the search for its nonce's user starts
OLD_HEAD = 600.0  # seconds: a node whose newest block is older is synchronising, or the chain stands still
MAX_SYNCED = 32  # lanes whose counts are written in one commit
SAME_HEIGHT_BLOCKS = 32  # blocks for which a question keeps its height
NONFINAL_NONCES = 2_048  # the last nonces of a lane; all that are not final are among them


def sync(view: ChainView, seen: Sequence[Lane], counts: Mapping[str, Nonces]) -> None:
    """Store the chain's counts for these lanes, many in one commit; nothing is written if nothing has changed."""
    changed: dict[str, tuple[int, int]] = {}
    for lane in seen:
        latest, finalized = counts[lane.id].latest, counts[lane.id].finalized
        if is_foreign(lane, counts[lane.id]):
            finalized = _proven_count(view, lane)
        after, foreign = lanes.sync(lane, view.now, latest=latest, finalized=finalized)
        if foreign:
            _log.error("another sender uses this key", extra={"lane": lane.id, "chain_nonce": latest})
        if after != lane:
            changed[lane.id] = (latest, finalized)
    names = list(changed)
    for start in range(0, len(names), MAX_SYNCED):
        commit(_sync, {name: changed[name] for name in names[start : start + MAX_SYNCED]})


def is_foreign(lane: Lane, counts: Nonces) -> bool:
    """Whether a node shows more final transactions of a lane than were sent from here; a quorum has to confirm that."""
    return counts.finalized > lane.next_nonce


def _sync(unit: UnitOfWork, counts: Mapping[str, tuple[int, int]]) -> None:
    for lane in unit.many(LANES.get_many((name,) for name in counts)):
        latest, finalized = counts[lane.id]
        after, _ = lanes.sync(lane, unit.now, latest=latest, finalized=finalized)
        if after is not lane:
            unit.write(after)


def _proven_count(view: ChainView, lane: Lane) -> int:
    """The finalized count if a quorum confirms it: only that may raise the floor. Until then, every pass asks at the
    same height."""
    key = ("count", lane.id)
    height = _height(view, key)
    try:
        count = evidence.nonce_at(view.client, lane.address, height, view.head.number)
    except ChainError:
        return lane.finalized_nonce
    hints().question_heights.pop(key, None)
    return count


def resume(unit: UnitOfWork, lane_id: str, reason: str, waiting: Sequence[str]) -> None:
    """Resume a lane that is paused for this reason, unless one of these transactions, all of the lane that wait with a
    nonce, is still blocked by it."""
    lane, rows = unit.read(LANES.get(lane_id), glances(waiting))
    if lane.paused_reason == reason and all(row.blocked_reason != reason for row in rows):
        unit.write(lanes.resume(lane, unit.now))


def fill_gap(view: ChainView, lane: Lane) -> None:
    """Insert a no-op for the next nonce on the chain if no row holds it and nothing else will use it.

    Conditions: the nonce is above the final ones; every healthy endpoint shows neither a block nor a pending
    transaction with it; with one endpoint, two heads show the same. A lagging or synchronising node shows nonces as
    free that were used long ago. A transaction that the wallet's owner sent from elsewhere is pending."""
    if view.now.timestamp() - view.head.timestamp > OLD_HEAD:
        return
    try:
        free = evidence.counts_everywhere(view.client, lane.address).pending
        if not lanes.ours_to_fill(lane, free):
            return
        view.client.pool.quorum(("gap", lane.id), lambda endpoint: free, view.head.number)
    except NoQuorum:
        return
    session = Session(resources.database().snapshot())
    taken, first = session.read(nonces(lane.id, free, free + 1), first_nonce(lane.id))
    sample = session.follow(TRANSACTIONS, first)
    if taken or not sample:
        return
    _log.error("a nonce without a row is filled", extra={"lane": lane.id, "nonce": free})
    commit(_fill, free, sample[0])


def _fill(unit: UnitOfWork, nonce: int, sample: Transaction) -> None:
    unit.write(
        acceptance.fill(
            sample.wallet_id,
            sample.user_id,
            sample.chain,
            sample.from_address,
            nonce=nonce,
            transaction_id=unit.new_id("txn"),
            now=unit.now,
        )
    )


def find_holder(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> None:
    """Find the transaction that used the nonce of a row without a receipt, once the nonce is final; searched in
    finalized blocks, by quorum.

    If it is one of our own attempts, its receipt was hidden and the row is mined. If another sender made it, the row
    is blocked."""
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
        confirmation.write(view, [finding])


@dataclass(frozen=True, slots=True)
class Loss:
    """The proof that a transaction has lost its nonce, and the ids of its lane's others that wait with a nonce."""

    proof: ForeignProof
    others: Sequence[str]


def proven_loss(row: Transaction, attempts: Sequence[Attempt]) -> Loss:
    """Prove the foreign transaction again before the row is given up. Raises NoQuorum while there is no proof (503)."""
    view = ChainView(resources.chain(row.chain))
    holder = _holder(view, row)
    proof = _proof(view, row, attempts, holder) if holder else None
    if proof is None:
        raise NoQuorum("the foreign transaction is not proven at the moment")
    session = Session(resources.database().snapshot())
    lane = session.one(LANES.get(row.lane_id))
    others = unended(session, lane, since=0)
    return Loss(proof, [one.id for one in others if one.live and one.id != row.id])


def unended(session: Session, lane: Lane, *, since: int) -> list[Transaction]:
    """The transactions of a lane without an outcome, from the nonce `since` on; without data."""
    first = max(since, lane.next_nonce - NONFINAL_NONCES)
    entries = session.many(nonces(lane.id, first, lane.next_nonce))
    rows = session.many(glances(entry["transaction_id"] for entry in entries)) if entries else []
    return [one for one in rows if not one.terminal]


def _holder(view: ChainView, row: Transaction) -> MinedTransaction | None:
    """The mined transaction with this row's sender and nonce; None while no quorum shows one."""
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
    """The finalized height at which a question is asked. It is kept for several passes, but not longer than nodes keep
    its state."""
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


def _block_foreign(unit: UnitOfWork, transaction_id: str, proof: ForeignProof, block_seconds: float) -> None:
    batch = Batch.read(unit, [transaction_id])
    row, attempts = batch.rows[transaction_id], batch.attempts[transaction_id]
    if not row.live:
        return
    outcome.check_foreign(row, attempts, proof)
    lane = unit.one(LANES.get(row.lane_id))
    blocked = attempt_rules.block(row, "FOREIGN_NONCE", unit.now, block_seconds)
    if row.is_fill:  # no user requested it, so no user has to agree
        batch.change(unit, outcome.concede(blocked, attempts, proof, unit.now))
        return
    batch.change(unit, blocked)
    unit.write(lanes.pause_for_foreign(lane, unit.now))


def any_transaction(lane_id: str) -> Transaction | None:
    """Some transaction of a lane, to learn its wallet: the first."""
    session = Session(resources.database().snapshot())
    rows = session.follow(TRANSACTIONS, session.many(first_nonce(lane_id)))
    return rows[0] if rows else None
