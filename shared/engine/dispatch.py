"""Assign nonces to the queued transactions of a lane, sign them, and store both in one commit (T1 + T2).

Nonces are read from a snapshot, and signing happens outside of any database transaction. The commit compares
`next_nonce` and the version of every row: of several dispatchers one wins, and the others sign again. Bytes are sent
after the commit.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from shared import resources
from shared.chain import evidence
from shared.chain.client import ChainClient
from shared.domain.errors import InvalidState
from shared.domain.transactions import attempts, lanes, schedule
from shared.domain.transactions.attempts import Plan
from shared.domain.transactions.lanes import Lane, LaneMoved, LanePaused
from shared.domain.transactions.transactions import Attempt, AttemptConflict, Transaction
from shared.domain.wallets.policies import PolicyDenied
from shared.engine import batch, broadcast, cancellation, nonce_sync
from shared.engine.process_hints import hints
from shared.engine.signer import Keys, Signed
from shared.keys.errors import KeyFault
from shared.runtime.errors import Contended
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES, TRANSACTIONS, TRANSACTIONS_QUEUED
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
QUEUE_PAGE = 4 * lanes.MAX_BATCH  # queued transactions in one read
MAX_LOST = 8  # commits lost to other dispatchers before this one leaves the lane to the next tick


@dataclass(frozen=True, slots=True)
class Prepared:
    """A queued transaction as it was read, and the bytes that were signed for it."""

    transaction: Transaction
    planned: Plan
    signed: Signed


def dispatch(lane_id: str, *, most: float = math.inf) -> None:
    """Send everything queued on a lane that has room. One thread of this process works on a lane at a time, and begins
    again for hints that come meanwhile, at most `most` times; processes compete for it."""
    hints().dispatches.run(lane_id, lambda: drain(lane_id), most=most)


def drain(lane_id: str) -> None:
    """Send batch after batch, overlapped: one batch is signed while the previous one is stored and the one before is
    sent."""
    with broadcast.BroadcastQueue() as outgoing:
        _rounds(lane_id, outgoing)


def _rounds(lane_id: str, outgoing: broadcast.BroadcastQueue) -> None:
    lost = 0
    while lost < MAX_LOST:
        try:
            if not _round(lane_id, outgoing):
                return
            lost = 0
        except (LaneMoved, InvalidState, AttemptConflict, Contended):
            lost += 1
            time.sleep(random.uniform(0, 0.01 * 2**lost))  # noqa: S311 - spreads competitors
        except LanePaused:
            return


def _round(lane_id: str, outgoing: broadcast.BroadcastQueue) -> bool:
    """Work through the queue from its start, page by page; returns whether everything read was handled, so that there
    may be more.

    Reads only as many rows as the lane has room for: a full lane costs its own row and the index. The next page is
    read while the previous one is being stored; it continues from the lane's state after that."""
    session, done = Session(resources.database().snapshot()), False
    lane, entries = session.read(LANES.find(lane_id), TRANSACTIONS_QUEUED.scan(lane_id, limit=QUEUE_PAGE))
    while entries and (places := _places(lane) if lane else QUEUE_PAGE):
        queued = session.follow(TRANSACTIONS, entries[:places])
        lane = _page(session, lane, queued, outgoing) if queued else None
        done = lane is not None and len(queued) == len(entries)
        if not done or len(entries) < QUEUE_PAGE:
            break
        last = (entries[-1]["created_at"], entries[-1]["transaction_id"])
        entries = session.many(TRANSACTIONS_QUEUED.scan(lane_id, after=last, limit=QUEUE_PAGE))
    outgoing.settle()
    return done


def _places(lane: Lane) -> int:
    """How many more transactions may be in flight. Raises LanePaused."""
    return lanes.room(lane, resources.registry().chain(lane.chain).max_inflight)


def _page(
    session: Session, lane: Lane | None, queued: Sequence[Transaction], outgoing: broadcast.BroadcastQueue
) -> Lane | None:
    """Assign nonces to these transactions, in order. Returns the lane after them, or None if not all of them get one
    now."""
    client, now = resources.chain(queued[0].chain), resources.clock().now()
    late = [one.id for one in queued if schedule.expired(one, now)]
    if late:
        cancellation.expire(late, client.spec.block_seconds)
    lane = lane or _first_lane(client, queued[0])
    wanted = [one for one in queued if one.id not in late]
    chosen = _affordable(client, session, lane, wanted[: _places(lane)], outgoing)
    keys = Keys(session, (one.wallet_id for one in chosen))
    lane = _batches(client, keys, lane, chosen, outgoing)
    return lane if len(chosen) == len(wanted) else None


def _batches(
    client: ChainClient,
    keys: Keys,
    lane: Lane,
    chosen: Sequence[Transaction],
    outgoing: broadcast.BroadcastQueue,
) -> Lane | None:
    """Sign batch after batch and hand each over to be stored and sent; None if not all of them could be signed."""
    for start in range(0, len(chosen), lanes.MAX_BATCH):
        part = chosen[start : start + lanes.MAX_BATCH]
        prepared, denied = _signed(client, keys, lane, part)
        if denied:
            cancellation.reject(denied)
            raise LaneMoved  # the transactions after a denied one need other nonces
        if prepared:
            outgoing.store(client, partial(_stored, lane, prepared, client.spec.max_inflight))
            lane = replace(lane, next_nonce=lane.next_nonce + len(prepared))
        if len(prepared) < len(part):
            return None
    return lane


def _stored(lane: Lane, prepared: Sequence[Prepared], max_inflight: int) -> list[tuple[Transaction, Attempt]]:
    return commit(allocate, lane, prepared, max_inflight)[1]


def _first_lane(client: ChainClient, first: Transaction) -> Lane:
    """A new lane for an address that never sent anything from here. It starts after everything that a quorum of nodes
    knows: a lagging node would reassign nonces that were used elsewhere, and no single node is trusted for a value
    that can never fall. Raises NoQuorum."""
    (final,) = client.nonces([first.from_address], _final_height(client))
    known = evidence.counts_to_open(client, first.from_address)
    return lanes.open_lane(
        first.chain,
        first.from_address,
        latest=known.latest,
        pending=known.pending,
        finalized=min(final.finalized, known.latest),
        now=resources.clock().now(),
    )


def _final_height(client: ChainClient) -> int:
    """The finalized height by quorum, asked once a block for all lanes of this process: an older height shows no more
    than is final. Raises NoQuorum."""
    heights, name, now = hints().final_heights, client.spec.name, resources.clock().now()
    known = heights.get(name)
    if known is None or not timedelta() <= now - known[0] < timedelta(seconds=client.spec.block_seconds):
        known = heights[name] = (now, evidence.finalized(client))
    return known[1]


def _affordable(
    client: ChainClient,
    session: Session,
    lane: Lane,
    queued: Sequence[Transaction],
    outgoing: broadcast.BroadcastQueue,
) -> Sequence[Transaction]:
    """The first queued transactions, in order, that the native balance covers, so that a shortage never blocks a
    nonce.

    If the balance covers everything in flight from this address, all are covered; otherwise transactions with a nonce
    come first. Empty while the chain shows used nonces that were not assigned here: the tick finds out whether that is
    final."""
    if not queued:
        return []
    first = queued[0]
    funds = session.maybe(FUNDS.find(first.from_address, first.chain, ""))
    balance, count = client.balance_and_nonce(first.from_address)
    if count > lane.next_nonce:
        return []
    if funds is None or funds.in_flight > balance:
        outgoing.settle()  # the following read needs all transactions that have a nonce
        # Final nonces are already deducted from the balance.
        unended = nonce_sync.unended(session, lane, since=lane.finalized_nonce)
        balance -= sum(map(_cost, unended))
    else:
        balance = sum(_cost(one) for one in queued)
    chosen = []
    for one in queued:
        balance -= _cost(one)
        if balance < 0:
            if one.blocked_reason is None:
                _log.warning("a queued transaction is not covered", extra={"transaction": one.id})
                cancellation.hold(one.id, client.spec.block_seconds)
            break
        chosen.append(one)
    return chosen


def _cost(transaction: Transaction) -> int:
    return transaction.committed_gas + (0 if transaction.token_address else transaction.committed_value)


def _signed(
    client: ChainClient, keys: Keys, lane: Lane, queued: Sequence[Transaction]
) -> tuple[list[Prepared], dict[str, PolicyDenied]]:
    """Signed bytes for consecutive nonces from the lane's next one, and the transactions that the wallet's policy
    denies now.

    A transaction that cannot be signed stays queued, and so do those after it: the order of a wallet's transactions is
    kept."""
    denied: dict[str, PolicyDenied] = {}
    spec, market = client.spec, client.fee_snapshot()
    prepared: list[Prepared] = []
    for one in queued:
        try:
            planned = attempts.plan(one, None, market.at(one.speed), spec.caps, noop_gas=spec.noop_gas)
            signed = keys.sign(spec, one, planned, lane.next_nonce + len(prepared))
        except PolicyDenied as refusal:
            denied[one.id] = refusal
            continue
        except KeyFault as problem:
            _log.error("cannot sign", extra={"transaction": one.id, "problem": type(problem).__name__})
            break
        prepared.append(Prepared(one, planned, signed))
    return prepared, denied


def allocate(
    unit: UnitOfWork, seen: Lane, prepared: Sequence[Prepared], max_inflight: int
) -> tuple[Lane, list[tuple[Transaction, Attempt]]]:
    """Write lane, transactions and attempts in one commit; `seen` is the lane that the bytes were signed for. A lane
    without a row is created (lanes are never deleted).

    Raises LaneMoved, LanePaused."""
    queued = [one.transaction for one in prepared]
    stored, versions = unit.read(LANES.find(seen.id), TRANSACTIONS.versions((one.id,) for one in queued))
    if len(unit.adopt(queued, versions)) < len(queued):
        raise LaneMoved
    lane, allocated = lanes.allocate(
        stored or seen,
        queued,
        max_inflight,
        unit.now,
        expected_next_nonce=seen.next_nonce,
    )
    unit.on_conflict(LaneMoved())
    done = []
    for nonced, one in zip(allocated, prepared, strict=False):
        transaction, attempt = attempts.persist(
            nonced,
            one.planned,
            None,
            unit.now,
            raw=one.signed.raw,
            tx_hash=one.signed.hash,
            expected_attempts=0,
        )
        unit.write(transaction, attempt)
        for kind in batch.kinds(one.transaction, transaction):
            batch.announce(unit, kind, transaction, [attempt])
        batch.notify_desk(unit, one.transaction, transaction)
        done.append((transaction, attempt))
    unit.write(lane)
    return lane, done
