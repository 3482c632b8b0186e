"""Watch the native balances of addresses with unfinished transactions: emit `wallet.low_balance` once each time a
balance falls below the chain's threshold, and top it up from the treasury's wallet if the deployment has one (off by
default).

Blocked transactions need no notification: they continue as soon as the balance covers them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta

from schemas.transactions import LowBalance as LowBalanceView
from shared import resources
from shared.chain.client import ChainClient
from shared.chain.errors import ChainError
from shared.chain.registry import checksum
from shared.domain.errors import Refusal
from shared.domain.transactions import low_balances
from shared.domain.transactions.lanes import lane_address
from shared.domain.transactions.low_balances import LowBalance, TopUp
from shared.domain.transactions.transactions import Transaction
from shared.engine import accept, intents, nonce_sync
from shared.engine.accept import SendPlan
from shared.engine.intents import Sender
from shared.engine.process_hints import hints
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.transactions import LOW_BALANCES, TRANSACTIONS, TRANSACTIONS_QUEUED
from shared.store.tables.wallets import WALLETS
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import metrics
from shared.wallets import policy_enforcement
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
CHECK_EVERY = timedelta(seconds=10)  # between two checks of the same address
TOPIC = "transaction-events"
GAS = metrics.gauge(
    "wallet_gas_lowest_ratio",
    "Of a bucket's addresses with something to do, the least that one holds of the threshold of a low balance.",
    "chain",
    "bucket",
)


def watch(client: ChainClient, bucket: int, lane_ids: Collection[str]) -> None:
    """Check the balances of these lanes' addresses, except those checked within CHECK_EVERY."""
    now, checks = resources.clock().now(), hints().balance_checks
    recent = {one: last for one in lane_ids if (last := checks.get(one)) and last[0] > now - CHECK_EVERY}
    wanted = sorted(one for one in lane_ids if one not in recent)
    if not wanted:
        return
    checks.update(dict.fromkeys(wanted, (now, None)))  # if no node answers, it is not asked again at once
    rule = low_balances.rules(resources.settings().top_ups).get(client.spec.name)
    threshold = rule.below if rule else client.spec.settlement_gas_reserve
    height = max(0, client.confirmed_number())
    held = client.native_balances([checksum(lane_address(lane_id)) for lane_id in wanted], height)
    checks.update({lane_id: (now, balance) for lane_id, balance in zip(wanted, held, strict=True)})
    if threshold:
        lowest = min([*held, *(balance for _, balance in recent.values() if balance is not None)])
        GAS.set(lowest / threshold, chain=client.spec.name, bucket=str(bucket))
    session = Session(resources.database().snapshot())
    known = {row.id: row for row in session.many(LOW_BALANCES.get_many((one,) for one in wanted))}
    for lane_id, balance in zip(wanted, held, strict=True):
        row = known.get(lane_id)
        if (balance < threshold) != (row is not None and row.low):
            row = _record(lane_id, row, balance, threshold)
        if rule is not None and row is not None and row.low and balance < threshold:
            top_up(row, rule, balance)


def _record(lane_id: str, known: LowBalance | None, balance: int, threshold: int) -> LowBalance | None:
    sender = None if known else _sender(lane_id)
    if known is None and sender is None:
        return None
    return commit(_write_crossing, lane_id, sender, balance, threshold)


def _write_crossing(
    unit: UnitOfWork, lane_id: str, sender: Transaction | None, balance: int, threshold: int
) -> LowBalance | None:
    known = unit.maybe(LOW_BALANCES.find(lane_id))
    if known is not None:
        after = low_balances.crossed(known, balance, threshold, unit.now)
    elif sender is not None:
        after = low_balances.first_low(sender, balance, threshold, unit.now)
    else:
        return None
    if after.low and after != known:
        view = LowBalanceView.of(after)
        unit.emit(
            "wallet.low_balance", after.wallet_id, after.version, view, feed=[after.user_id], topic=TOPIC
        )
    unit.write(after)
    return after


def _sender(lane_id: str) -> Transaction | None:
    """Some transaction of the lane, to learn its wallet: one with a nonce, or the first in the queue."""
    sent = nonce_sync.any_transaction(lane_id)
    if sent is not None:
        return sent
    session = Session(resources.database().snapshot())
    queued = session.follow(TRANSACTIONS, session.many(TRANSACTIONS_QUEUED.scan(lane_id, limit=1)))
    return queued[0] if queued else None


def top_up(low: LowBalance, rule: TopUp, balance: int) -> None:
    """Accept the next top-up if the newest one is final and the treasury's policy allows it; a refusal is logged."""
    session = Session(resources.database().snapshot())
    wallet = session.maybe(WALLETS.find(rule.wallet_id))
    newest = session.maybe(TRANSACTIONS.find(low.top_up_id)) if low.top_up_id else None
    if wallet is None or wallet.chain != low.chain or wallet.address == low.address:
        return
    if not low_balances.may_top_up(low, newest):
        return
    try:
        low_balances.check_bounded(policy_enforcement.of(session, wallet.id))
        intent = intents.build(Sender.of_wallet(wallet), low.address, value=rule.up_to - balance)
        planned = accept.plan(intent, gas=None)
        commit(_accept, low, planned)
    except (Refusal, ChainError) as problem:
        _log.error("no top-up", extra={"lane": low.id, "problem": str(problem)})


def _accept(unit: UnitOfWork, seen: LowBalance, planned: SendPlan) -> None:
    low, policy = unit.read(LOW_BALANCES.get(seen.id), POLICIES.find(planned.intent.wallet_id))
    if low.version != seen.version:
        return  # another process was faster, or the balance has recovered
    low_balances.check_bounded(policy.at(unit.now) if policy is not None else None)
    accepted = accept.accept(
        unit,
        planned,
        transaction_id=unit.new_id("txn"),
        tenant=low_balances.TREASURY_TENANT,
        idem_key=low.next_key,
    )
    unit.write(low_balances.topped_up(low, accepted, unit.now))
