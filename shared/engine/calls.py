"""Requests of the API as intents: what is to happen on chain, from whose wallet."""

from __future__ import annotations

import json
from dataclasses import replace

from schemas.transactions import SendTransaction, TransactionCall
from shared import resources
from shared.chain.client import ChainClient
from shared.domain import tx_accept
from shared.domain.errors import InvalidValue
from shared.domain.fees import Fees
from shared.domain.tx_accept import Intent
from shared.domain.wallets import Wallet
from shared.engine import sends
from shared.identity.permissions import Caller
from shared.store.session import Session
from shared.store.wallets import meant


def from_caller(request: TransactionCall, caller: Caller) -> tuple[ChainClient, Intent]:
    """A call that is only tried, from the caller's wallet.

    Raises NotFound, WalletRequired, InvalidValue, DataTooLarge, GasTooLow."""
    chain = request.chain or resources.settings().default_chain
    wallet = meant(Session(resources.database().snapshot()), caller, request.wallet_id, chain)
    intent = to_try(request, on_chain(wallet, request))
    gas = floor_of(intent) if request.gas is None else request.gas
    tx_accept.check_intent(replace(intent, gas=gas), resources.clock().now())
    return resources.chain(wallet.chain), intent


def on_chain(wallet: Wallet, request: TransactionCall) -> Wallet:
    """The wallet itself; InvalidValue when the request names another chain."""
    if request.chain not in (None, wallet.chain):
        raise InvalidValue("chain", f"the wallet is on {wallet.chain}")
    return wallet


def floor_of(intent: Intent) -> int:
    """The least gas of an intent."""
    return tx_accept.intrinsic_gas(intent.data, creates=intent.to is None, access_list=intent.access_list)


def to_try(request: TransactionCall, wallet: Wallet) -> Intent:
    """The intent of a call without fees. Raises InvalidValue."""
    token = (request.token.address, int(request.token.amount)) if request.token else None
    if token is not None and token[1] > tx_accept.MAX_UINT256:
        raise InvalidValue("token.amount", "must be an unsigned 256-bit integer")
    return sends.intent_of(
        wallet,
        request.to,
        value=int(request.value),
        data=bytes.fromhex(request.data[2:]),
        token=token,
        access_list=_access_list(request),
    )


def to_send(request: SendTransaction, wallet: Wallet) -> Intent:
    """The same with fees, speed and deadline. Raises InvalidValue."""
    return replace(
        to_try(request, wallet),
        fees=_fees(request),
        speed=request.speed or "average",
        deadline=request.deadline,
    )


def mixed(request: SendTransaction) -> bool:
    """Whether both kinds of fees, or fees and a speed, were given."""
    modern = request.max_fee_per_gas is not None or request.max_priority_fee_per_gas is not None
    return (modern and request.gas_price is not None) or (
        (modern or request.gas_price is not None) and request.speed is not None
    )


def _fees(request: SendTransaction) -> Fees | None:
    given = (request.max_fee_per_gas, request.max_priority_fee_per_gas, request.gas_price)
    if all(fee is None for fee in given):
        return None
    return Fees(*(None if fee is None else int(fee) for fee in given))


def _access_list(request: TransactionCall) -> str | None:
    """As JSON-RPC writes it (EIP-2930)."""
    if not request.access_list:
        return None
    entries = [{"address": entry.address, "storageKeys": entry.storage_keys} for entry in request.access_list]
    return json.dumps(entries, separators=(",", ":"))
