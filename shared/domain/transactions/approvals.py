"""Approval by a second person: what waits for it, who may give it, and exactly what they approved.

A transaction above its wallet's `approval_above` is accepted as `held`: its funds and its part of the day's limit
are booked, it has no nonce, and it ends by itself after `WAIT`. Approval is of the payload: the signer compares its
digest with what it is about to sign.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import InvalidState, Refusal
from shared.domain.transactions.attempts import undo
from shared.domain.transactions.schedule import expired, queued_until
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.policies import Policy

WAIT: Final = timedelta(hours=24)


class OwnTransaction(Refusal):
    code, status = "OWN_TRANSACTION", 403
    message = "A second person has to approve this: neither the wallet's owner nor who sent it."


def may_approve(policy: Policy | None, person_id: str, *, administrator: bool) -> bool:
    """Whether a person approves for a wallet: its policy names them, or they administrate."""
    return administrator or (policy is not None and person_id in (policy.approvers or ()))


def approve(transaction: Transaction, person_id: str, now: datetime) -> Transaction:
    """Let it go on, as it stands. Approving again changes nothing for who approved it.

    Raises OwnTransaction, InvalidState when it does not wait (any more)."""
    _check_second(transaction, person_id)
    if transaction.state == "accepted" and transaction.approved_by == person_id:
        return transaction
    if transaction.state != "held" or expired(transaction, now):
        raise InvalidState("The transaction does not wait for approval.", status=transaction.status)
    return transaction.moved(
        "approve",
        "accepted",
        now,
        blocked_reason=None,
        approved_by=person_id,
        approved_digest=digest(transaction),
        next_action_at=queued_until(transaction.deadline, now),
    )


def decline(transaction: Transaction, person_id: str, now: datetime, reason: str | None) -> Transaction:
    """End it. Raises OwnTransaction (its sender cancels it), InvalidState when it does not wait (any more)."""
    _check_second(transaction, person_id)
    if transaction.state != "held":
        raise InvalidState("The transaction does not wait for approval.", status=transaction.status)
    return undo(transaction, "rejected", now, error="APPROVAL_DECLINED", message=reason)


def approved(transaction: Transaction, person_id: str) -> Transaction:
    """A new transaction whose sender is the second person: an administrator who processes another's claim."""
    return replace(transaction, approved_by=person_id, approved_digest=digest(transaction))


def is_approved(transaction: Transaction) -> bool:
    """Whether a second person approved exactly this payload."""
    second = transaction.approved_by not in (None, transaction.user_id)
    return second and transaction.approved_digest == digest(transaction)


def digest(transaction: Transaction) -> str:
    """SHA-256 of everything that the signature will cover but nonce, gas and fees, which the engine chooses."""
    names = ("id", "chain", "from_address", "to", "value", "access_list")
    payload = [getattr(transaction, name) for name in names] + [transaction.data.hex()]
    return hashlib.sha256(json.dumps(payload, separators=(",", ":")).encode()).hexdigest()


def audience(policy: Policy | None, transaction: Transaction) -> Iterable[str]:
    """Who is told that it waits, besides its owner."""
    return (policy.approvers or ()) if policy is not None and transaction.state == "held" else ()


def _check_second(transaction: Transaction, person_id: str) -> None:
    if person_id in (transaction.user_id, transaction.tenant):
        raise OwnTransaction
