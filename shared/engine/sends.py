"""T0 for a user's transaction: what is asked outside, and what the body then commits. No nonce is taken here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import resources
from shared.chain import tokens
from shared.chain.client import ChainClient
from shared.chain.registry import checksum
from shared.domain import approvals, spending, tx_accept
from shared.domain.errors import InvalidValue
from shared.domain.fees import Fees, check_chosen
from shared.domain.funds import InsufficientBalance, InsufficientGas
from shared.domain.transactions import Speed, Transaction
from shared.domain.tx_accept import Intent
from shared.domain.wallets import Wallet, require_active
from shared.engine import asking, changes, limits, purses
from shared.engine.purses import Observed
from shared.errors import IdempotencyKeyReused
from shared.store.policies import POLICIES
from shared.store.supplies import FUNDS
from shared.store.unit import UnitOfWork
from shared.store.wallets import WALLETS

Abi = Iterable[Mapping[str, Any]]


class SendExceedsGas(InsufficientGas):
    """The same for a transaction, which is refused as it stands."""

    status = 422


@dataclass(frozen=True, slots=True)
class SendPlan:
    """An intent that the chain would take now, with what it commits (wei) and the balances that were seen."""

    intent: Intent
    committed_gas: int
    seen: Observed


def plan(intent: Intent, *, gas: int | None, mixed_fees: bool = False, abi: Abi = ()) -> SendPlan:
    """Check and try an intent; `gas` is the sender's own limit, None to use the estimate; `abi` names the errors
    of the called contract. Outside of any body.

    Raises InvalidValue, GasTooLow, DataTooLarge, InvalidFee, FeeAboveCap, SimulationFailed, SendExceedsBalance,
    UnknownChain, ChainError."""
    client = resources.chain(intent.chain)
    intent = _checked(client, intent, gas, mixed_fees)
    found = asking.preflight(client, intent, gas=gas, abi=abi)
    intent = replace(intent, gas=found.gas)
    first = intent.fees or client.fee_snapshot().at(intent.speed)
    return SendPlan(intent, asking.committed_gas(found, first, client.spec.caps), found.seen)


def _checked(client: ChainClient, intent: Intent, gas: int | None, mixed_fees: bool) -> Intent:
    """What needs no node: addresses, amounts, the gas limit's floor, the sender's own fees."""
    now = resources.clock().now()
    if intent.fees is not None:
        check_chosen(intent.fees, client.spec.fee_kind, client.spec.caps, mixed=mixed_fees)
    creates = intent.to is None
    floor = tx_accept.intrinsic_gas(intent.data, creates=creates, access_list=intent.access_list)
    tx_accept.check_intent(replace(intent, gas=floor if gas is None else gas), now)
    return named_token(intent)


def named_token(intent: Intent) -> Intent:
    """Data that is exactly a registered token's transfer draws on the token's funds, however it was asked for."""
    if intent.token_address is not None or intent.to is None or intent.value:
        return intent
    found = tokens.decoded_transfer(intent.data)
    known = {token.address for token in resources.registry().chain(intent.chain).tokens}
    if found is None or intent.to not in known:
        return intent
    return replace(intent, token_address=intent.to, token_recipient=found[0], token_amount=found[1])


def accept(
    unit: UnitOfWork, planned: SendPlan, *, transaction_id: str, tenant: str, idem_key: str
) -> Transaction:
    """Insert the transaction and commit its funds. Raises NotFound when the wallet was deleted meanwhile,
    PolicyDenied, SendExceedsBalance, SendExceedsGas, FundsCommitted, BalanceUnknown."""
    intent = planned.intent
    asset = (intent.from_address, intent.chain, intent.token_address)
    wallet, _, policy = unit.read(
        WALLETS.get(intent.wallet_id),
        FUNDS.get_many(purses.keys(*asset)),
        POLICIES.find(intent.wallet_id),
    )
    require_active(wallet)
    waits = limits.allow(unit, intent)
    purse = purses.observed(purses.get(unit, *asset), planned.seen, unit)
    amount = intent.token_amount if intent.token_address is not None else intent.value
    reserve = resources.registry().chain(intent.chain).settlement_gas_reserve
    try:
        purse = spending.start_send(purse, amount or 0, planned.committed_gas, reserve, unit.now)
    except InsufficientBalance:
        raise asking.SendExceedsBalance from None
    except InsufficientGas:
        raise SendExceedsGas from None
    accepted = tx_accept.accept(
        intent,
        transaction_id,
        tenant,
        idem_key,
        unit.now,
        committed_value=intent.value,
        committed_gas=planned.committed_gas,
        approval_until=unit.now + approvals.WAIT if waits else None,
    )
    purses.put(unit, purse)
    unit.write(accepted)
    unit.on_conflict(IdempotencyKeyReused())  # the key's operation record is gone, its transaction is not
    changes.announce(unit, "accepted", accepted, [], also=approvals.audience(policy, accepted))
    return accepted


def intent_of(
    wallet: Wallet,
    to: str | None,
    *,
    value: int = 0,
    data: bytes = b"",
    token: tuple[str, int] | None = None,
    access_list: str | None = None,
    fees: Fees | None = None,
    speed: Speed | None = None,
    deadline: datetime | None = None,
) -> Intent:
    """What a wallet's owner wants; `token` is (address, base units), `to` its recipient.

    Raises InvalidValue for addresses whose EIP-55 checksum is wrong."""
    recipient = _address(to, "to") if to is not None else None
    plain = Intent(
        wallet.id, wallet.user_id, wallet.chain, wallet.address, recipient, value, data,
        access_list=access_list, fees=fees, speed=speed or "average", deadline=deadline,
    )  # fmt: skip
    if token is None or recipient is None:
        return plain
    contract = _address(token[0], "token.address")
    return replace(
        plain,
        to=contract,
        data=tokens.transfer(recipient, token[1]),
        token_address=contract,
        token_recipient=recipient,
        token_amount=token[1],
    )


def _address(text: str, field: str) -> str:
    try:
        return checksum(text)
    except ValueError as error:
        raise InvalidValue(field, str(error)) from None
