"""Requests of the API as intents: what is to happen on chain, from whose wallet."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from schemas.transactions import SendTransaction, TransactionCall
from shared import resources
from shared.chain import tokens
from shared.chain.client import ChainClient
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.fees import Fees
from shared.domain.transactions.transactions import Speed
from shared.domain.wallets.wallets import Wallet
from shared.keys.addresses import parse_address
from shared.store.session import Session
from shared.store.tables.wallets import meant


def from_caller(request: TransactionCall, caller: Caller) -> tuple[ChainClient, Intent]:
    """A call that is only tried, from the caller's wallet.

    Raises NotFound, WalletRequired, InvalidValue, DataTooLarge, GasTooLow."""
    chain = request.chain or resources.settings().default_chain
    wallet = meant(Session(resources.database().snapshot()), caller, request.wallet_id, chain)
    intent = to_try(request, on_chain(wallet, request))
    gas = floor_of(intent) if request.gas is None else request.gas
    acceptance.check_intent(replace(intent, gas=gas), resources.clock().now())
    return resources.chain(wallet.chain), intent


def on_chain(wallet: Wallet, request: TransactionCall) -> Wallet:
    """The wallet itself; InvalidValue when the request names another chain."""
    if request.chain not in (None, wallet.chain):
        raise InvalidValue("chain", f"the wallet is on {wallet.chain}")
    return wallet


def floor_of(intent: Intent) -> int:
    """The least gas of an intent."""
    return acceptance.intrinsic_gas(intent.data, creates=intent.to is None, access_list=intent.access_list)


def to_try(request: TransactionCall, wallet: Wallet) -> Intent:
    """The intent of a call without fees. Raises InvalidValue."""
    token = (request.token.address, int(request.token.amount)) if request.token else None
    if token is not None and token[1] > acceptance.MAX_UINT256:
        raise InvalidValue("token.amount", "must be an unsigned 256-bit integer")
    return intent_of(
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


def named_token(intent: Intent) -> Intent:
    """Data that is exactly a registered token's transfer draws on the token's funds, however it was asked for."""
    if intent.token_address is not None or intent.to is None or intent.value:
        return intent
    found = tokens.decoded_transfer(intent.data)
    known = {token.address for token in resources.registry().chain(intent.chain).tokens}
    if found is None or intent.to not in known:
        return intent
    return replace(intent, token_address=intent.to, token_recipient=found[0], token_amount=found[1])


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
    recipient = parse_address(to, "to") if to is not None else None
    plain = Intent(
        wallet.id, wallet.user_id, wallet.chain, wallet.address, recipient, value, data,
        access_list=access_list, fees=fees, speed=speed or "average", deadline=deadline,
    )  # fmt: skip
    if token is None or recipient is None:
        return plain
    contract = parse_address(token[0], "token.address")
    return replace(
        plain,
        to=contract,
        data=tokens.transfer(recipient, token[1]),
        token_address=contract,
        token_recipient=recipient,
        token_amount=token[1],
    )
