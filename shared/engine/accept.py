"""Accept a user's transaction (T0): external checks first, then the commit. No nonce is assigned here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared import resources
from shared.chain.balances import Balances
from shared.domain.desk import funds
from shared.domain.desk.funds import InsufficientBalance, InsufficientGas
from shared.domain.transactions import acceptance, approvals
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.fees import check_chosen
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import require_active
from shared.engine import batch, preflight
from shared.funds import bookings
from shared.runtime.errors import IdempotencyKeyReused
from shared.store.tables import metadata
from shared.store.tables.policies import POLICIES
from shared.store.tables.supplies import FUNDS
from shared.store.tables.wallets import WALLETS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_enforcement

Abi = Iterable[Mapping[str, Any]]


class SendExceedsGas(InsufficientGas):
    """The balance does not cover the gas of the transaction itself (422)."""

    status = 422


@dataclass(frozen=True, slots=True)
class SendPlan:
    """An intent that the chain would accept now, the wei that it commits, and the observed balances."""

    intent: Intent
    committed_gas: int
    balances: Balances
    notes: dict[str, str] | None = None  # the sender's own metadata


def plan(intent: Intent, *, gas: int | None, mixed_fees: bool = False, abi: Abi = ()) -> SendPlan:
    """Check and simulate an intent; runs outside of any transaction body. `gas` is the sender's own limit (None: use
    the estimate); `abi` names the errors of the called contract.

    Raises InvalidValue, GasTooLow, DataTooLarge, InvalidFee, FeeAboveCap, SimulationFailed, SendExceedsBalance,
    UnknownChain, ChainError."""
    client = resources.chain(intent.chain)
    if intent.fees is not None:
        check_chosen(intent.fees, client.spec.fee_kind, client.spec.caps, mixed=mixed_fees)
    acceptance.check_intent(intent, resources.clock().now())
    tried = preflight.preflight(client, intent, gas=gas, abi=abi)
    first = intent.fees or client.fee_snapshot().at(intent.speed)
    return SendPlan(tried.intent, preflight.committed_gas(tried, first, client.spec.caps), tried.balances)


def accept(
    unit: UnitOfWork, planned: SendPlan, *, transaction_id: str, tenant: str, idem_key: str
) -> Transaction:
    """Insert the transaction and commit its funds. Raises NotFound if the wallet was deleted in the meantime,
    PolicyDenied, SendExceedsBalance, SendExceedsGas, FundsCommitted, BalanceUnknown."""
    intent = planned.intent
    asset = (intent.from_address, intent.chain, intent.token_address)
    wallet, _, policy = unit.read(
        WALLETS.get(intent.wallet_id),
        FUNDS.get_many(bookings.keys(*asset)),
        POLICIES.find(intent.wallet_id),
    )
    require_active(wallet)
    decision = policy_enforcement.allow(unit, intent, planned.committed_gas)
    pair = bookings.observed(bookings.get(unit, *asset), planned.balances, unit)
    amount = intent.token_amount if intent.token_address is not None else intent.value
    reserve = resources.registry().chain(intent.chain).settlement_gas_reserve
    try:
        pair = funds.start_send(pair, amount or 0, planned.committed_gas, reserve, unit.now)
    except InsufficientBalance:
        raise preflight.SendExceedsBalance from None
    except InsufficientGas:
        raise SendExceedsGas from None
    accepted = acceptance.accept(
        intent,
        transaction_id,
        tenant,
        idem_key,
        unit.now,
        committed_value=intent.value,
        committed_gas=planned.committed_gas,
        approval_until=unit.now + approvals.WAIT if decision.needs_approval else None,
    )
    accepted = replace(accepted, day_booked=bool(decision.spends), metadata=planned.notes)
    bookings.put(unit, pair)
    unit.write(accepted, *metadata.entries(accepted))
    unit.on_conflict(IdempotencyKeyReused())  # its operation record was deleted, its transaction was not
    unit.write(*approvals.requests(policy, accepted, unit.now))
    batch.announce(unit, "accepted", accepted, [])
    return accepted
