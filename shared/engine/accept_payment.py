"""Accept a settlement payment (T0): the wallet of a supply pays an allocation of a claim.

Call `plan` before the commit, once per allocation, and `accept` in the commit that moves the claim to `processing`.
The engine books what the payment itself spends (see `shared.funds.bookings`). The desk books the supply's part of the
funds when evidence settles the payment: `shared.desk.payment_outcomes.payment_changed` runs in every commit that
changes the payment's on-chain status, after the engine has written its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import resources
from shared.chain.balances import Balances
from shared.domain.desk import funds
from shared.domain.desk.funds import SettlementUnfunded
from shared.domain.desk.payout_gas import PayoutTooCostly
from shared.domain.errors import InvalidValue
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import MAX_TRANSACTION_GAS, Intent, PaymentOf
from shared.domain.transactions.transactions import SETTLEMENT_TENANT, Transaction
from shared.engine import batch, intents, preflight
from shared.engine.intents import Sender
from shared.engine.preflight import SendExceedsBalance, SimulationFailed
from shared.funds import bookings
from shared.store.tables.policies import POLICIES
from shared.store.tables.supplies import FUNDS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import approval, policy_enforcement


@dataclass(frozen=True, slots=True)
class PaymentPlan:
    """A payment that the chain would accept now. `amount` is in base units, `committed_gas` in wei."""

    intent: Intent
    amount: int
    committed_gas: int
    balances: Balances


def plan(sender: Sender, to: str, token_address: str | None, amount: int) -> PaymentPlan:
    """Simulate a payment of `amount` base units and read the balances behind it; runs outside of any transaction body.

    Raises SettlementUnfunded if the wallet cannot pay now, SimulationFailed if the token or the recipient rejects it,
    PayoutTooCostly if it needs too much gas, ChainError."""
    client = resources.chain(sender.chain)
    if token_address is None:
        intent = intents.build(sender, to, value=amount)
    else:
        intent = intents.build(sender, to, token=(token_address, amount))
    try:
        tried = preflight.preflight(client, intent, gas=None)
    except SendExceedsBalance:
        raise SettlementUnfunded from None
    except InvalidValue:  # more gas than any transaction may use
        raise PayoutTooCostly(gas=MAX_TRANSACTION_GAS, cap=client.spec.payout_gas_cap) from None
    except SimulationFailed:
        if token_address and (client.balances(sender.address, token_address).token or 0) < amount:
            raise SettlementUnfunded from None
        raise
    if tried.intent.gas > client.spec.payout_gas_cap:
        raise PayoutTooCostly(gas=tried.intent.gas, cap=client.spec.payout_gas_cap)
    fees = client.fee_snapshot().at("average")
    committed = preflight.committed_gas(tried, fees, client.spec.caps)
    return PaymentPlan(tried.intent, amount, committed, tried.balances)


def accept(
    unit: UnitOfWork,
    planned: PaymentPlan,
    *,
    transaction_id: str,
    claim_id: str,
    allocation_id: str,
    round: int,  # noqa: A002 - the field name of the payment
) -> Transaction:
    """Insert the payment's transaction and mark its funds as in flight. One body may contain several payments of one
    wallet.

    An amount above `approval_above` requires an administrator as the caller. Raises PolicyDenied, SettlementUnfunded,
    BalanceUnknown."""
    intent = planned.intent
    asset = (intent.from_address, intent.chain, intent.token_address)
    unit.read(FUNDS.get_many(bookings.keys(*asset)), POLICIES.find(intent.wallet_id))
    decision = policy_enforcement.allow(unit, intent, planned.committed_gas)
    pair = bookings.observed(bookings.get(unit, *asset), planned.balances, unit)
    try:
        bookings.put(unit, funds.start_payment(pair, planned.amount, planned.committed_gas, unit.now))
    except SettlementUnfunded:
        raise SettlementUnfunded(wallet_id=intent.wallet_id) from None
    payment = PaymentOf(claim_id, allocation_id, round)
    accepted = acceptance.accept(
        intent,
        transaction_id,
        SETTLEMENT_TENANT,
        payment.idem_key,
        unit.now,
        committed_value=intent.value,
        committed_gas=planned.committed_gas,
        payment=payment,
    )
    accepted = replace(accepted, day_booked=bool(decision.spends))
    if decision.needs_approval:
        accepted = approval.by_processor(unit, accepted)
    unit.write(accepted)
    batch.announce(unit, "accepted", accepted, [])
    return accepted
