"""Enforce policies: book a transaction against the day's limits when it is accepted, give back what was not spent.

At accept, inside the commit:  decision = allow(unit, intent, committed_gas)
A signature, inside a commit:  book_typed_data(unit, wallet, document)
When a transaction is final:   give_back(unit, before, after)
Around the commit:             with policy_denials.audited(wallet_id): commit(…)

The rolling day consists of hourly buckets and includes the whole of its first hour. It therefore denies up to an hour
longer than necessary, but never allows more. A limit counts what is accepted after it was set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared import resources
from shared.domain.transactions import approvals
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies as rules
from shared.domain.wallets.outflows import reader, typed_data
from shared.domain.wallets.outflows.moves import FEES, NATIVE, Outflow
from shared.domain.wallets.policies import Decision, Policy, PolicyDenied
from shared.domain.wallets.wallets import Wallet
from shared.store.session import Session
from shared.store.tables.policies import POLICIES, SPENDING, Spending
from shared.store.unit_of_work import UnitOfWork

T = TypeVar("T")
Decide = Callable[[Policy, Mapping[str, int]], T]  # gets the spending of the last day, by asset


def _reserve(
    unit: UnitOfWork,
    wallet_id: str,
    outflow: Outflow,
    decide: Decide[T],
    spends: Callable[[T], Mapping[str, int]],
) -> T | None:
    """Decide, and book against the day's limits; None if the wallet has no policy.

    Two calls at once are serialised by the rows that they read."""
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
    """Subtract unspent amounts from the hour in which they were booked.

    `booked_at` is when the transaction was accepted. If that was before the daily limit was set, nothing was booked
    and nothing is given back."""
    stored = unit.maybe(POLICIES.find(wallet_id)) if amounts else None
    policy = stored.at(unit.now) if stored is not None else None
    booked = [asset for asset in amounts if policy is not None and policy.booked(asset, booked_at)]
    if not booked:
        return
    hour = _hour(booked_at)
    for bucket in unit.many(SPENDING.get_many((wallet_id, asset, hour) for asset in booked)):
        unit.write(replace(bucket, amount=max(0, bucket.amount - amounts[bucket.asset])))


def of(session: Session, wallet_id: str) -> Policy | None:
    """The wallet's policy as it applies now; None if it has none, so that everything is allowed."""
    stored = session.maybe(POLICIES.find(wallet_id))
    return None if stored is None else stored.at(resources.clock().now())


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def allow(unit: UnitOfWork, intent: Intent, fee: int) -> Decision:
    """Check an intent against its wallet's policy and book the day's spending; its gas costs at most `fee` wei.

    Raises PolicyDenied."""
    outflow = outflow_of(intent, fee)
    decision = _reserve(
        unit, intent.wallet_id, outflow,
        lambda policy, spent: rules.decide(policy, outflow, spent), lambda decided: decided.spends,
    )  # fmt: skip
    return decision or Decision()


def book_more_gas(unit: UnitOfWork, transaction: Transaction, wei: int, *, noop: bool) -> None:
    """Book more gas for a transaction than it was accepted with, in the hour of its acceptance, like the rest. A
    payload has to be within the policy, and within its approval, at the new cost; a no-op (`noop`) moves nothing.

    Raises PolicyDenied."""
    stored = unit.maybe(POLICIES.find(transaction.wallet_id))
    if stored is None:
        return
    policy = stored.at(unit.now)
    if not noop:
        _check_cost(policy, transaction, transaction.committed_gas + wei)
    if transaction.day_booked is not False:
        _book_in_its_hour(unit, policy, transaction, Outflow(fee=wei).totals())


def _check_cost(policy: Policy, transaction: Transaction, fee: int) -> None:
    """Check what the signer will check, when the gas of a signed payload may cost `fee` wei. Raises PolicyDenied."""
    outflow = outflow_of(transaction, fee)
    if not transaction.is_payment:  # a payment was checked when its claim was processed
        rules.check(policy, outflow)
    required = policy.approvals_required or 1
    if rules.needs_approval(policy, outflow) and not approvals.is_approved(transaction, required, fee):
        said = "A second person did not approve this cost. Cancel the transaction and send a new one."
        raise PolicyDenied(said, rule="approval_above", approved=_approved(transaction), needed=str(fee))


def _approved(transaction: Transaction) -> str | None:
    """The approved wei for gas; None if nobody approved it, or the release before this rule did not note it."""
    return None if transaction.approved_fee is None else str(transaction.approved_fee)


def _book_in_its_hour(
    unit: UnitOfWork, policy: Policy, transaction: Transaction, amounts: Mapping[str, int]
) -> None:
    now, hour = _hour(unit.now), _hour(transaction.created_at)
    booked: list[Spending] = []
    for asset, more in amounts.items():
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
    """Check and book a signature over typed data against the wallet's policy in this commit. Raises PolicyDenied."""
    outflow, names = typed_data.of_typed_data(wallet.address, document), typed_data.named(document)
    _reserve(
        unit, wallet.id, outflow,
        lambda policy, spent: rules.decide_typed_data(policy, outflow, names, spent), lambda booked: booked,
    )  # fmt: skip


def give_back(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """Give back what a final transaction can never spend any more: amounts that did not leave, and unused gas."""
    ended = after.finalized and not before.finalized and after.kind == "call"
    if ended and after.day_booked is not False:
        _release(unit, after.wallet_id, unspent(after), after.created_at)


def unspent(transaction: Transaction) -> dict[str, int]:
    """The booked amounts that were not spent, by asset. Gas of a mined transaction is spent even if it reverted."""
    booked = outflow_of(transaction, transaction.committed_gas)
    fee = _fee(transaction)
    if transaction.state == "confirmed":
        return Outflow(fee=transaction.committed_gas - fee).totals()
    left = booked.totals()
    for asset in (NATIVE, FEES):
        left[asset] = left.get(asset, 0) - fee  # a no-op may cost more gas than the payload
    return left


def _fee(transaction: Transaction) -> int:
    """The wei spent for gas. On a chain whose layer 1 charges a fee that the receipt does not show, the whole
    committed gas counts as spent."""
    if transaction.mined_block_number is None:
        return 0
    if resources.registry().chain(transaction.chain).fee_oracle is not None:
        return transaction.committed_gas
    return (transaction.gas_used or 0) * (transaction.effective_gas_price or 0)


def outflow_of(payload: Intent | Transaction, fee: int) -> Outflow:
    """What the policy checks: the payload as it will be signed, and the most that its gas can cost (`fee`, wei)."""
    return reader.of_transaction(payload.from_address, payload.to, payload.value, payload.data, fee)
