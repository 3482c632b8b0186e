"""Transactions to contracts: planned and accepted like all others, by the engine and within the wallet's policy."""

from __future__ import annotations

from typing import Final

from shared import resources
from shared.domain.contracts.abi import Entry
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Speed, Transaction
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept, intents
from shared.engine.accept import SendPlan
from shared.runtime.context import current
from shared.runtime.errors import Forbidden
from shared.store.unit_of_work import UnitOfWork

SENDS: Final = "transaction:send"  # required besides contract:write: a contract's function may move all funds


def require_may_send(caller: Caller) -> None:
    """Raises Forbidden if the caller may only write contracts, and not send."""
    if not caller.may(SENDS):
        raise Forbidden


def on_chain(wallet: Wallet, chain: str) -> Wallet:
    """The wallet itself. Raises InvalidValue if it is on another chain."""
    if wallet.chain != chain:
        raise InvalidValue("wallet_id", f"the wallet is on {wallet.chain}")
    return wallet


def plan(
    wallet: Wallet,
    to: str | None,
    data: bytes,
    abi: list[Entry],
    *,
    value: int,
    gas: int | None,
    speed: Speed | None,
) -> SendPlan:
    """The planned transaction, simulated on the chain; the ABI names its errors. Raises the errors of `accept.plan`."""
    sender = intents.Sender.of_wallet(wallet)
    intent = intents.build(sender, to, value=value, data=data, gas=gas, speed=speed)
    return accept.plan(intent, gas=gas, abi=abi)


def accepted(unit: UnitOfWork, planned: SendPlan, transaction_id: str) -> Transaction:
    """Insert the transaction. Raises the errors of `accept.accept`."""
    given = current().request.idempotency
    return accept.accept(
        unit,
        planned,
        transaction_id=transaction_id,
        tenant=unit.context.principal,
        idem_key=given.key if given else unit.new_id("key"),
    )


def group(planned: SendPlan) -> str:
    """The group of rows that several sends of a wallet compete for (see `writes.group_commit`)."""
    return f"funds:{planned.intent.chain}:{planned.intent.from_address}"


def chain_id(planned: SendPlan) -> int:
    return resources.registry().chain(planned.intent.chain).chain_id
