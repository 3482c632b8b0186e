"""Approval by other persons: which transactions wait for it, who may give it, and what exactly is approved.

A transaction above its wallet's `approval_above` is accepted as `held`: its funds and its part of the daily limit are
booked, it has no nonce, and it expires after `WAIT`. People approve the payload and the most that
its gas may cost: the signer compares both with the approved ones before it signs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.errors import InvalidState, Refusal
from shared.domain.transactions.attempts import undo
from shared.domain.transactions.schedule import expired, queued_until
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.policies import Policy

WAIT: Final = timedelta(hours=24)


class OwnTransaction(Refusal):
    code, status = "OWN_TRANSACTION", 403
    message = "A second person must approve this: neither the wallet's owner nor the sender."


def may_approve(policy: Policy | None, person_id: str, *, administrator: bool) -> bool:
    """Whether a person may approve for a wallet: its policy names them, or they are an administrator."""
    return administrator or (policy is not None and person_id in (policy.approvers or ()))


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request to one person to approve a transaction, while the transaction waits for it."""

    transaction_id: str
    user_id: str  # the person who is asked
    created_at: datetime


def requests(policy: Policy | None, transaction: Transaction, now: datetime) -> list[ApprovalRequest]:
    """The requests for a transaction that waits for approval: everybody who is asked besides administrators."""
    waits = policy is not None and transaction.state == "held"
    people = (policy.at(now).approvers or ()) if policy is not None and waits else ()
    return [ApprovalRequest(transaction.id, person, now) for person in dict.fromkeys(people)]


def approve(
    transaction: Transaction,
    person_id: str,
    now: datetime,
    required: int = 1,
    standing: Collection[str] | None = None,
) -> Transaction:
    """Add one approval; with the `required` number of them the transaction continues. Approving twice changes nothing.

    Of the earlier approvals, only those of people in `standing` count (None: all). Raises OwnTransaction, and
    InvalidState if it does not wait for approval (any more)."""
    _check_second(transaction, person_id)
    given = [one for one in transaction.approvals or [] if standing is None or one in standing]
    if transaction.state == "accepted" and (person_id in given or transaction.approved_by == person_id):
        return transaction
    if transaction.state != "held" or expired(transaction, now):
        raise InvalidState("The transaction does not wait for approval.", status=transaction.status)
    if person_id in given and len(given) < required:
        return transaction
    people = list(dict.fromkeys((*given, person_id)))
    if len(people) < required:
        return transaction.moved("approve", "held", now, approvals=people, **_seen(transaction))
    return transaction.moved(
        "approve",
        "accepted",
        now,
        blocked_reason=None,
        approvals=people,
        approved_by=person_id,
        **_seen(transaction),
        next_action_at=queued_until(transaction.deadline, now),
    )


def decline(transaction: Transaction, person_id: str, now: datetime, reason: str | None) -> Transaction:
    """End the transaction. Raises OwnTransaction (its sender can cancel it), and InvalidState if it does not wait for
    approval (any more)."""
    _check_second(transaction, person_id)
    if transaction.state != "held":
        raise InvalidState("The transaction does not wait for approval.", status=transaction.status)
    return undo(transaction, "rejected", now, error="APPROVAL_DECLINED", message=reason)


def approved(transaction: Transaction, person_id: str) -> Transaction:
    """Approve a new transaction whose sender is the second person: an administrator who processes another user's
    claim."""
    return replace(transaction, approvals=[person_id], approved_by=person_id, **_seen(transaction))


def _seen(transaction: Transaction) -> dict[str, Any]:
    """What a person approves."""
    return {"approved_digest": digest(transaction), "approved_fee": transaction.committed_gas}


def givers(transaction: Transaction) -> list[str]:
    """The ids of the persons who approved it."""
    return transaction.approvals or ([transaction.approved_by] if transaction.approved_by else [])


def is_approved(
    transaction: Transaction, required: int, fee: int, standing: Collection[str] | None = None
) -> bool:
    """Whether `required` persons, none of them its owner, approved exactly this payload with gas of at most `fee` wei.

    Only approvals of people in `standing` count (None: all). Approvals that the release before gave name no cost: they
    count for what is committed."""
    last, most = transaction.approved_by, transaction.approved_fee
    people = set(givers(transaction)) - {transaction.user_id}
    if standing is not None:
        people &= set(standing)
    same = transaction.approved_digest == digest(transaction)
    within = fee <= (transaction.committed_gas if most is None else most)
    return last in people and len(people) >= required and same and within


def digest(transaction: Transaction) -> str:
    """SHA-256 of everything that the signature covers except nonce, gas and fees, which the engine chooses."""
    names = ("id", "chain", "from_address", "to", "value", "access_list")
    payload = [getattr(transaction, name) for name in names] + [transaction.data.hex()]
    return hashlib.sha256(json.dumps(payload, separators=(",", ":")).encode()).hexdigest()


def _check_second(transaction: Transaction, person_id: str) -> None:
    if person_id in (transaction.user_id, transaction.tenant):
        raise OwnTransaction
