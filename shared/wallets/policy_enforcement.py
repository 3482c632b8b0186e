"""Policies in transactions: reserve a day's spending at accept, give it back, check again before signing.

At accept, inside the commit:      decision = policing.reserve(unit, wallet_id, action)
When it never was, or was undone:  policing.release(unit, wallet_id, action, transaction.created_at)
By the signer, outside:            policing.check(session, wallet_id, action)
Around the commit:                 with policing.denials_audited(wallet_id): commit(…)

The rolling day is kept in hourly buckets and counts the whole of its first hour, so it denies up to an hour
longer and never allows more. A limit counts what is accepted from the moment it is set.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from shared import resources
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies as rules
from shared.domain.wallets.policies import Action, Decision, Policy, PolicyDenied
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store import commit_effects
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.policies import POLICIES, SPENDING, Spending
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import metrics

_log = logging.getLogger(__name__)


def reserve(unit: UnitOfWork, wallet_id: str, action: Action) -> Decision:
    """Decide and book against the day's limits; two at once are serialised by what they read. Raises PolicyDenied."""
    policy = unit.maybe(POLICIES.find(wallet_id))
    if policy is None:
        return Decision()
    hour = _hour(unit.now)
    limited = [asset for asset in rules.totals(action) if policy.limit(asset, "max_per_day") is not None]
    read = unit.read_all(
        SPENDING.scan(wallet_id, asset, after=(hour - rules.DAY_HOURS - 1,), upto=(hour,))
        for asset in limited
    )
    found: dict[str, list[Spending]] = dict(zip(limited, read, strict=True))
    spent = {asset: sum(bucket.amount for bucket in buckets) for asset, buckets in found.items()}
    decision = rules.decide(policy, action, spent)
    for asset, amount in decision.spends.items():
        now = next(
            (bucket for bucket in found[asset] if bucket.hour == hour), Spending(wallet_id, asset, hour, 0)
        )
        unit.write(replace(now, amount=now.amount + amount))
    return decision


def release(unit: UnitOfWork, wallet_id: str, action: Action, booked_at: datetime) -> None:
    """Take an action that did not happen off the hour it was booked in (`booked_at`: when it was accepted).

    What was accepted before the daily limit was set was never booked and is not given back."""
    amounts = rules.totals(action)
    policy = unit.maybe(POLICIES.find(wallet_id)) if amounts else None
    booked = [asset for asset in amounts if policy is not None and policy.booked(asset, booked_at)]
    hour = _hour(booked_at)
    for bucket in unit.one(SPENDING.get_many((wallet_id, asset, hour) for asset in booked)) if booked else ():
        unit.write(replace(bucket, amount=max(0, bucket.amount - amounts[bucket.asset])))


def check(session: Session, wallet_id: str, action: Action) -> None:
    """Before signing: what the policy says now of these bytes, the day's sum excepted. Raises PolicyDenied."""
    policy = of(session, wallet_id)
    if policy is not None:
        rules.check(policy, action)


def of(session: Session, wallet_id: str) -> Policy | None:
    """The wallet's policy; None when everything is allowed."""
    return session.maybe(POLICIES.find(wallet_id))


@contextmanager
def denials_audited(wallet_id: str) -> Iterator[None]:
    """Write an audit row that names the rule when the block is refused by the policy."""
    try:
        yield
    except PolicyDenied as denied:
        denial(wallet_id, denied)
        raise


def denial(wallet_id: str, denied: PolicyDenied) -> None:
    """The audit row of one denial."""
    record(wallet_id, f"policy.denied:{denied.data['rule']}")
    metrics.SIGNER_DENIALS.add(reason="policy")
    _log.info("denied by policy", extra={"wallet": wallet_id, "rule": denied.data["rule"]})


def record(resource: str, event: str) -> None:
    """An audit row of its own: nothing else is committed with a refusal."""
    row = commit_effects.audit_row(current(), new_id("aud"), resource, [event], resources.clock().now())
    resources.database().write([system.AUDIT.write("insert", row)])


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


# A wallet's policy and its transactions: held to it when accepted, given back what certainly did not happen.


def allow(unit: UnitOfWork, intent: Intent) -> bool:
    """Hold the intent to its wallet's policy and book the day's spending; whether a second person must approve it.

    Raises PolicyDenied."""
    return reserve(unit, intent.wallet_id, action_of(intent)).needs_approval


def give_back(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """What can never happen any more does not count against the daily limit."""
    ended = after.finalized and not before.finalized and after.state != "confirmed"
    if ended and after.kind == "call":
        release(unit, after.wallet_id, action_of(after), after.created_at)


def action_of(payload: Intent | Transaction) -> Action:
    """What the policy judges: the payload as it will be signed."""
    return Action(payload.from_address, payload.to, payload.value, payload.data)
