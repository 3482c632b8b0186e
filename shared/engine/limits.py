"""A wallet's policy and its transactions: held to it when accepted, given back what certainly did not happen."""

from __future__ import annotations

from shared import policing
from shared.domain.policies import Action
from shared.domain.transactions import Transaction
from shared.domain.tx_accept import Intent
from shared.store.unit import UnitOfWork


def allow(unit: UnitOfWork, intent: Intent) -> bool:
    """Hold the intent to its wallet's policy and book the day's spending; whether a second person must approve it.

    Raises PolicyDenied."""
    return policing.reserve(unit, intent.wallet_id, action_of(intent)).needs_approval


def give_back(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """What can never happen any more does not count against the daily limit."""
    ended = after.finalized and not before.finalized and after.state != "confirmed"
    if ended and after.kind == "call":
        policing.release(unit, after.wallet_id, action_of(after), after.created_at)


def action_of(payload: Intent | Transaction) -> Action:
    """What the policy judges: the payload as it will be signed."""
    return Action(payload.from_address, payload.to, payload.value, payload.data)
