"""Policies in transactions: reserve a day's spending at accept, give back what was not spent.

At accept, inside the commit:  decision = allow(unit, intent, committed_gas)
A signature, inside a commit:  book_typed_data(unit, wallet, document)
When a transaction is final:   give_back(unit, before, after)
Around the commit:             with denials_audited(wallet_id): commit(…)

The rolling day is kept in hourly buckets and counts the whole of its first hour, so it denies up to an hour
longer and never allows more. A limit counts what is accepted from the moment it is set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared import resources
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies as rules
from shared.domain.wallets.outflows import reader, typed_data
from shared.domain.wallets.outflows.moves import FEES, NATIVE, Outflow
from shared.domain.wallets.policies import Decision, Policy, PolicyDenied
from shared.domain.wallets.wallets import Wallet
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store import commit_effects
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.policies import POLICIES, SPENDING, Spending
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import metrics

_log = logging.getLogger(__name__)
T = TypeVar("T")


Decide = Callable[[Policy, Mapping[str, int]], T]  # with what was spent in the last day, by asset


def _reserve(
    unit: UnitOfWork,
    wallet_id: str,
    outflow: Outflow,
    decide: Decide[T],
    spends: Callable[[T], Mapping[str, int]],
) -> T | None:
    """Decide and book against the day's limits; two at once are serialised by what they read. None: no policy."""
    stored = unit.maybe(POLICIES.find(wallet_id))
    if stored is None:
        return None
    policy, hour = stored.at(unit.now), _hour(unit.now)
    limited = [asset for asset in outflow.totals() if policy.limit(asset, "max_per_day") is not None]
    read = unit.read_all(
        SPENDING.scan(wallet_id, asset, after=(hour - rules.DAY_HOURS - 1,), upto=(hour,))
        for asset in limited
    )
    found: dict[str, list[Spending]] = dict(zip(limited, read, strict=True))
    spent = {asset: sum(bucket.amount for bucket in buckets) for asset, buckets in found.items()}
    decision = decide(policy, spent)
    for asset, amount in spends(decision).items():
        now = next(
            (bucket for bucket in found[asset] if bucket.hour == hour), Spending.none(wallet_id, asset, hour)
        )
        unit.write(replace(now, amount=now.amount + amount))
    return decision


def _release(unit: UnitOfWork, wallet_id: str, amounts: Mapping[str, int], booked_at: datetime) -> None:
    """Take what did not leave off the hour it was booked in (`booked_at`: when the transaction was accepted).

    What was accepted before the daily limit was set was never booked and is not given back."""
    stored = unit.maybe(POLICIES.find(wallet_id)) if amounts else None
    policy = stored.at(unit.now) if stored is not None else None
    booked = [asset for asset in amounts if policy is not None and policy.booked(asset, booked_at)]
    hour = _hour(booked_at)
    for bucket in unit.one(SPENDING.get_many((wallet_id, asset, hour) for asset in booked)) if booked else ():
        unit.write(replace(bucket, amount=max(0, bucket.amount - amounts[bucket.asset])))


def of(session: Session, wallet_id: str) -> Policy | None:
    """The wallet's policy as it holds now; None when everything is allowed."""
    stored = session.maybe(POLICIES.find(wallet_id))
    return None if stored is None else stored.at(resources.clock().now())


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


def allow(unit: UnitOfWork, intent: Intent, fee: int) -> Decision:
    """Hold the intent, whose gas costs at most `fee` wei, to its wallet's policy and book the day's spending.

    Raises PolicyDenied."""
    outflow = outflow_of(intent, fee)
    decision = _reserve(
        unit, intent.wallet_id, outflow,
        lambda policy, spent: rules.decide(policy, outflow, spent), lambda decided: decided.spends,
    )  # fmt: skip
    return decision or Decision()


def book_more_gas(unit: UnitOfWork, transaction: Transaction, wei: int) -> None:
    """Book gas that a transaction may cost beyond what it was accepted with, in the hour that it is given back from.

    Raises PolicyDenied where the day's limits leave no room for it."""
    stored = None if transaction.day_booked is False else unit.maybe(POLICIES.find(transaction.wallet_id))
    if stored is None:
        return
    policy, now, hour = stored.at(unit.now), _hour(unit.now), _hour(transaction.created_at)
    booked: list[Spending] = []
    for asset, more in Outflow(fee=wei).totals().items():
        if not policy.booked(asset, transaction.created_at):
            continue
        within = SPENDING.scan(transaction.wallet_id, asset, after=(now - rules.DAY_HOURS - 1,), upto=(now,))
        day, own = unit.read(within, SPENDING.get_many([(transaction.wallet_id, asset, hour)]))
        limit = policy.limit(asset, "max_per_day")
        if limit is not None and sum(bucket.amount for bucket in day) + more > limit:
            rule = "max_fee_per_day" if asset == FEES else "max_per_day"
            raise PolicyDenied(rule=rule, limit=str(limit), asset=asset)
        bucket = own[0] if own else Spending.none(transaction.wallet_id, asset, hour)
        booked.append(replace(bucket, amount=bucket.amount + more))
    unit.write(*booked)


def book_typed_data(unit: UnitOfWork, wallet: Wallet, document: Mapping[str, Any]) -> None:
    """Hold a signature over typed data to the wallet's policy, as of this commit. Raises PolicyDenied."""
    outflow, names = typed_data.of_typed_data(wallet.address, document), typed_data.named(document)
    _reserve(
        unit, wallet.id, outflow,
        lambda policy, spent: rules.decide_typed_data(policy, outflow, names, spent), lambda booked: booked,
    )  # fmt: skip


def give_back(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """What can never leave any more does not count against the day: all that did not happen, and gas not used."""
    ended = after.finalized and not before.finalized and after.kind == "call"
    if ended and after.day_booked is not False:
        _release(unit, after.wallet_id, unspent(after), after.created_at)


def unspent(transaction: Transaction) -> dict[str, int]:
    """By asset, what was booked and is still there. Gas that a block took is spent, whatever became of the rest."""
    booked = outflow_of(transaction, transaction.committed_gas)
    fee = _fee(transaction)
    if transaction.state == "confirmed":
        return Outflow(fee=transaction.committed_gas - fee).totals()
    left = booked.totals()
    for asset in (NATIVE, FEES):
        left[asset] = left.get(asset, 0) - fee  # a no-op may cost more gas than the payload
    return left


def _fee(transaction: Transaction) -> int:
    """Wei spent for gas. Where layer 1 takes a part that the receipt's price does not tell, all that was held back."""
    if transaction.mined_block_number is None:
        return 0
    if resources.registry().chain(transaction.chain).fee_oracle is not None:
        return transaction.committed_gas
    return (transaction.gas_used or 0) * (transaction.effective_gas_price or 0)


def outflow_of(payload: Intent | Transaction, fee: int) -> Outflow:
    """What the policy judges: the payload as it will be signed, with what its gas costs at most."""
    return reader.of_transaction(payload.from_address, payload.to, payload.value, payload.data, fee)
