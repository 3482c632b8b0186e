"""Write a changed transaction with all consequences in one commit: its row, its funds, its events and its claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas import transactions as views
from shared import resources
from shared.desk.payment_outcomes import payment_changed
from shared.domain.transactions.states import UNSENT
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.domain.transactions.waiting import ANNOUNCED
from shared.funds.bookings import follow
from shared.store.port import Key
from shared.store.tables.transactions import APPROVAL_REQUESTS, ATTEMPTS, TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_enforcement


@dataclass(frozen=True, slots=True)
class Batch:
    """Transactions as one transaction body has read them, with all their attempts and the funds that they use."""

    rows: dict[str, Transaction]
    attempts: dict[str, list[Attempt]]

    @classmethod
    def read(cls, unit: UnitOfWork, ids: Iterable[str]) -> Batch:
        """Read the transactions in one wave of reads. Ids without a row are left out."""
        prefixes: list[Key] = [(one,) for one in dict.fromkeys(ids)]
        rows, all_attempts = unit.read(TRANSACTIONS.get_many(prefixes), ATTEMPTS.below(prefixes))
        attempts: dict[str, list[Attempt]] = {row.id: [] for row in rows}
        for attempt in all_attempts:
            attempts[attempt.transaction_id].append(attempt)
        return cls({row.id: row for row in rows}, attempts)

    @classmethod
    def resume(cls, unit: UnitOfWork, seen: Sequence[tuple[Transaction, Attempt]]) -> Batch:
        """Take transactions that were read before, each with its latest attempt. A transaction with a single attempt
        and an unchanged version is not read again, because every recorded answer to an attempt raises the version of a
        live transaction."""
        single = {
            row.id: attempt for row, attempt in seen if row.live and row.attempt_count == attempt.k == 1
        }
        known = [row for row, _ in seen if row.id in single]
        kept = (
            unit.adopt(known, *unit.read_all([TRANSACTIONS.versions((row.id,) for row in known)]))
            if known
            else []
        )
        unit.know(*(single[row.id] for row in kept))
        rows, attempts = {row.id: row for row in kept}, {row.id: [single[row.id]] for row in kept}
        others = [row.id for row, _ in seen if row.id not in rows]
        read = cls.read(unit, others) if others else cls({}, {})
        return cls(rows | read.rows, attempts | read.attempts)

    @classmethod
    def of(cls, row: Transaction, attempts: Sequence[Attempt]) -> Batch:
        """The batch of one transaction that the body has already read."""
        return cls({row.id: row}, {row.id: list(attempts)})

    def change(
        self, unit: UnitOfWork, after: Transaction, *attempts: Attempt, head: int | None = None
    ) -> None:
        """Write the next version of a transaction, these new or changed attempts, and all consequences."""
        before, known = self.rows[after.id], self.attempts[after.id]
        changed = {attempt.k: attempt for attempt in attempts}
        every = [changed.pop(attempt.k, attempt) for attempt in known] + list(changed.values())
        self.rows[after.id], self.attempts[after.id] = after, every
        if attempts:
            unit.write(*attempts)
        if after == before:
            return
        unit.write(after)
        follow(unit, before, after)
        for kind in kinds(before, after):
            announce(unit, kind, after, every, head)
        notify_desk(unit, before, after)
        policy_enforcement.give_back(unit, before, after)
        if before.state == "held" and after.state != "held":
            unit.delete(*unit.many(APPROVAL_REQUESTS.scan(after.id)))

    def request_replacement(self, unit: UnitOfWork, after: Transaction) -> views.Transaction:
        """Emit a hint that a replacement must be signed, and return the view of the transaction."""
        attempts = self.attempts[after.id]
        if after.wants_attempt or (after.undo_state is not None and not after.terminal):
            view = view_of(after, attempts)
            unit.emit("transaction.replacing", after.id, after.version, view)
            return view
        return view_of(after, attempts)


def view_of(
    transaction: Transaction, attempts: Sequence[Attempt], head: int | None = None
) -> views.Transaction:
    """The transaction as its owner sees it."""
    chain_id = resources.registry().chain(transaction.chain).chain_id
    return views.Transaction.of(transaction, attempts, chain_id, head)


def kinds(before: Transaction | None, after: Transaction) -> list[str]:
    """The events of a change, as `transaction.<kind>` names them, derived from what callers can see of it."""
    if before is None:
        return ["accepted"]
    events = []
    if after.attempt_count > max(1, before.attempt_count):
        events.append("replaced")
    moved = after.state != before.state
    if before.state == "held" and after.state == "accepted":
        events.append("approved")
    if moved and after.state == "submitted":
        events.append("submitted" if before.state in UNSENT or before.state == "signed" else "reorged")
    elif after.state == "mined" and after.mined_block_hash != before.mined_block_hash:
        events.append("mined")
    elif moved and after.terminal:
        events.append(after.state)
    if after.blocked_reason and after.blocked_reason != before.blocked_reason:
        events.append("stuck")
    if not events and after.waiting_for in ANNOUNCED and after.waiting_for != before.waiting_for:
        events.append("waiting")
    return events


def announce(
    unit: UnitOfWork,
    kind: str,
    transaction: Transaction,
    attempts: Sequence[Attempt],
    head: int | None = None,
) -> None:
    """Emit `transaction.<kind>`, also to the feed of the wallet's owner. Approvers use GET /approvals instead: nobody
    can write into the feed of a person just by naming them as an approver."""
    view = view_of(transaction, attempts, head)
    unit.emit(f"transaction.{kind}", transaction.id, transaction.version, view, feed=[transaction.user_id])


def notify_desk(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """Let the claim follow the on-chain status of its payment, whose own funds are already booked."""
    if after.is_payment and _payment_facts(before) != _payment_facts(after):
        payment_changed(unit, after)


def _payment_facts(transaction: Transaction) -> tuple[object, ...]:
    mined = transaction.state if transaction.terminal or transaction.state == "mined" else "unmined"
    return mined, transaction.blocked_reason, transaction.finalized, transaction.mined_block_hash
