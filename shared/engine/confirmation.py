"""Confirm transactions (T5–T7) and finalize them: what a pass finds out about signed transactions, and the commits.

The findings come from one view of the chain, outside of any transaction body. They are written only if the row still
has the version that was checked.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from shared.domain.errors import InvalidState
from shared.domain.transactions import outcome
from shared.domain.transactions.evidence import Log, Receipt, decoded
from shared.domain.transactions.outcome import NotEvidence
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine import pending
from shared.engine.batch import Batch
from shared.engine.chain_view import ChainView
from shared.funds import bookings
from shared.runtime.errors import Contended
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import RECEIPTS, StoredReceipt
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import STORE_FAULTS, commit

_log = logging.getLogger(__name__)
CHUNK = 32  # findings in one commit
MAX_LOGS = 250_000  # characters of the logs in a stored receipt: a column holds 2,621,440, a commit 100 MB


@dataclass(frozen=True, slots=True)
class Finding:
    """What to write about one transaction; `height` is the head, or for `finalize` the finalized height."""

    transaction_id: str
    version: int
    what: Literal["mined", "mined_final", "final", "reorg", "finalize"]
    height: int
    k: int = 0
    receipt: Receipt | None = None
    reason: str | None = None  # why it reverted, if that can be found out
    finalized: int | None = None  # the finalized height, if the outcome is already irreversible


def look(
    view: ChainView,
    rows: Sequence[Transaction],
    attempts: Mapping[str, Sequence[Attempt]],
    mined_below: Mapping[str, int],
) -> list[Finding]:
    """Find what changed for these transactions; `mined_below` is the latest transaction count of each lane."""
    view.know(attempt.hash for row in rows for attempt in attempts[row.id])
    live = [row for row in rows if row.live and (row.nonce or 0) < mined_below.get(row.lane_id, 0)]
    view.load_receipts([attempt.hash for row in live for attempt in attempts[row.id]])
    mined = [row for row in rows if row.mined_block_number is not None]
    view.load_hashes(row.mined_block_number or 0 for row in mined)
    ends = [row.mined_block_number or 0 for row in mined if row.terminal]
    view.prove_hashes(number for number in ends if number <= view.finalized + 1)
    findings = [_unmined(view, row, attempts[row.id]) for row in live]
    findings += [_mined(view, row, attempts[row.id]) for row in mined]
    by_id = {row.id: row for row in rows}
    return [_with_reason(view, by_id[one.transaction_id], one) for one in findings if one is not None]


def _with_reason(view: ChainView, row: Transaction, finding: Finding) -> Finding:
    """Add the revert reason to an outcome; a node is asked for it once, when the outcome is concluded."""
    receipt = finding.receipt
    ends = finding.what in ("final", "mined_final") and row.kind == "call"
    if not ends or receipt is None or receipt.success:
        return finding
    for part in pending.load_full([(row, None)]):
        for full, _ in part:
            return replace(finding, reason=view.revert_reason(full, receipt.block_number))
    return finding


def _unmined(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> Finding | None:
    """The finding that an unmined transaction is mined (T5), if one of its attempts has a receipt; and that this is
    final (T6), if the receipt is proven and deep enough already."""
    for attempt in attempts:
        receipt = view.receipt(attempt.hash)
        if receipt is None:
            continue
        block = view.proven_receipts(receipt.block_number)
        proven = (block or {}).get(receipt.hash)
        if (
            proven is None
            and block is not None
            and _absent(view, receipt.block_number, receipt.block_hash, attempts)
        ):
            continue  # the node made it up
        if proven == receipt and receipt.block_number <= view.confirmed:
            return _concluded(view, row, "mined_final", attempt.k, receipt)
        return Finding(row.id, row.version, "mined", view.head.number, attempt.k, receipt)
    return None


def _mined(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> Finding | None:
    """What has changed for a transaction in a block: it is final at the required depth (T6), its block was removed
    (T7), or the block of its outcome is finalized."""
    number, block = row.mined_block_number or 0, row.mined_block_hash or ""
    if view.hash_at(number) != block:
        return _displaced(view, row, attempts)
    if row.terminal:
        if number <= view.finalized + 1 and view.proves_hash(number, block) and number <= view.finalized:
            return Finding(row.id, row.version, "finalize", view.finalized)
        return None
    return _deep(view, row, attempts) if number <= view.confirmed + 1 else None


def _deep(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> Finding | None:
    """The finding that a deep enough transaction is final (T6); or that it is not mined (T7), if a quorum proves that
    the block, still canonical, never contained it: the node's receipt was false."""
    number, block = row.mined_block_number or 0, row.mined_block_hash or ""
    receipts = view.proven_receipts(number)
    proven = (receipts or {}).get(row.hash or "")
    if proven is None and receipts is not None and _absent(view, number, block, attempts):
        return Finding(row.id, row.version, "reorg", view.head.number)
    if proven is None or proven.block_hash != block or number > view.confirmed:
        return None
    return _concluded(view, row, "final", row.mined_attempt or 0, proven)


def _concluded(
    view: ChainView, row: Transaction, what: Literal["final", "mined_final"], k: int, proven: Receipt
) -> Finding:
    """The outcome by a proven receipt (T6), and its finality if the block is already final: on some chains finality
    precedes the depth, and a transaction that was checked late has both."""
    final = view.finalized if proven.block_number <= view.finalized else None
    return Finding(row.id, row.version, what, view.head.number, k, proven, finalized=final)


def _absent(view: ChainView, number: int, block: str, attempts: Sequence[Attempt]) -> bool:
    """Whether it is proven that this block contains none of our attempts, whatever a node's receipt says."""
    return view.proves_absent(number, block, [attempt.hash for attempt in attempts])


def in_block(view: ChainView, row: Transaction, attempts: Sequence[Attempt], number: int) -> Finding | None:
    """The finding that a block contains the transaction (T5), from the block as a quorum shows it, if the receipt
    itself is hidden or its index is pruned."""
    receipts = view.proven_receipts(number) or {}
    for attempt in attempts:
        if attempt.hash in receipts:
            receipt = receipts[attempt.hash]
            return Finding(row.id, row.version, "mined", view.head.number, attempt.k, receipt)
    return None


def _displaced(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> Finding | None:
    number, block = row.mined_block_number or 0, row.mined_block_hash or ""
    if not row.terminal:
        for attempt in attempts:
            receipt = view.receipt(attempt.hash)
            if receipt is not None and receipt.block_hash != block:
                return Finding(row.id, row.version, "mined", view.head.number, attempt.k, receipt)
    if view.proves_hash(number, block) is False:
        return Finding(row.id, row.version, "reorg", view.head.number)
    return None


def write(view: ChainView, findings: Iterable[Finding]) -> None:
    """Commit findings in chunks; a finding that cannot be written does not delay the others. Raises STORE_FAULTS."""
    wanted, block_seconds = list(findings), view.client.spec.block_seconds
    blocks = [
        one.receipt.block_number for one in wanted if one.what in ("mined", "mined_final") and one.receipt
    ]
    view.lowest_new = min([*blocks, *([] if view.lowest_new is None else [view.lowest_new])], default=None)
    for start in range(0, len(wanted), CHUNK):
        _write_part(wanted[start : start + CHUNK], block_seconds)


def _write_part(part: Sequence[Finding], block_seconds: float) -> None:
    """Write findings in one commit. If the commit is too large or a row is faulty, write them half by half, so that
    only the failing one is left out. Rows that others change at the moment are left to the next pass.

    Raises STORE_FAULTS if the store does not answer: smaller commits would not help, and the next pass finds the
    same."""
    try:
        commit(_write, part, block_seconds)
    except Contended:
        _log.warning("findings are left to the next pass", extra={"findings": len(part)})
    except STORE_FAULTS:
        raise
    except Exception as error:
        fields = {"transaction": part[0].transaction_id, "findings": len(part), "error": type(error).__name__}
        if len(part) > 1:
            _log.warning("findings are written in halves", extra=fields)
            middle = len(part) // 2
            _write_part(part[:middle], block_seconds)
            _write_part(part[middle:], block_seconds)
        elif isinstance(error, (InvalidState, NotEvidence)):
            _log.info("a finding does not hold", extra=fields)
        else:
            _log.exception("a finding was not written", extra=fields)


def _write(unit: UnitOfWork, findings: Sequence[Finding], block_seconds: float) -> None:
    """Raises the refusal of a finding and then writes nothing, because its row may already be buffered."""
    batch = Batch.read(unit, (one.transaction_id for one in findings))
    ended = [one.transaction_id for one in findings if one.what in ("final", "mined_final", "reorg")]
    if ended:  # read ahead what these changes need: funds, and a receipt from before a reorganisation
        wanted = bookings.keys_of(batch.rows[one] for one in ended if one in batch.rows)
        unit.read(FUNDS.get_many(wanted), RECEIPTS.get_many([(one,) for one in ended]))
    for one in findings:
        row = batch.rows.get(one.transaction_id)
        if row is not None and row.version == one.version:
            _apply(unit, batch, row, one, block_seconds)


def _apply(unit: UnitOfWork, batch: Batch, row: Transaction, one: Finding, block_seconds: float) -> None:
    attempts, now = batch.attempts[row.id], unit.now
    if one.what == "finalize":
        batch.change(unit, outcome.finalize(row, one.height, now))
    elif one.what == "reorg":
        _log.warning("a block with a transaction is gone", extra={"transaction": row.id, "state": row.state})
        batch.change(unit, outcome.reorged(row, attempts[-1], now), head=one.height)
    else:
        attempt, receipt = attempts[one.k - 1], one.receipt
        assert receipt is not None
        if one.what in ("mined", "mined_final"):
            row = outcome.mined(row, attempt, receipt, now, block_seconds)
            batch.change(unit, row, head=one.height)
        if one.what in ("final", "mined_final"):
            after = outcome.conclude(row, attempt, receipt, now, block_seconds, reason=one.reason)
            if one.finalized is not None:
                after = outcome.finalize(after, one.finalized, now)
            batch.change(unit, after, head=one.height)
            unit.write(_stored(row.id, receipt, now))


def _stored(transaction_id: str, receipt: Receipt, now: datetime) -> StoredReceipt:
    """The receipt to store: its first logs as far as there is room, and the number of omitted logs."""
    logs: list[dict[str, Any]] = []
    room = MAX_LOGS
    for log in receipt.logs:
        plain = _plain(log)
        room -= len(json.dumps(plain))
        if room < 0:
            break
        logs.append(plain)
    omitted = len(receipt.logs) - len(logs)
    return StoredReceipt(
        transaction_id, receipt.hash, receipt.block_hash, receipt.success, logs, now, omitted
    )


def _plain(log: Log) -> dict[str, Any]:
    """A log as it is stored, decoded if its event is known."""
    name, arguments = decoded(log)
    raw = {"address": log.address, "topics": list(log.topics), "data": log.data, "index": log.index}
    return raw if name is None else raw | {"name": name, "arguments": arguments}
