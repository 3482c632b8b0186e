"""Build intents (what happens on chain, from which wallet) from API requests and from payments of claims."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from schemas.transactions import SendTransaction, TokenAmount, TransactionCall
from shared import resources
from shared.chain import tokens
from shared.chain.client import ChainClient
from shared.domain.desk.supplies import Supply
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.fees import Fees
from shared.domain.transactions.transactions import Speed
from shared.domain.wallets.wallets import Wallet
from shared.keys.addresses import parse_address
from shared.store.session import Session
from shared.store.tables.wallets import resolve_wallet


@dataclass(frozen=True, slots=True)
class Sender:
    """The wallet that sends, and its owner."""

    wallet_id: str
    user_id: str
    chain: str
    address: str

    @classmethod
    def of_wallet(cls, wallet: Wallet) -> Sender:
        return cls(wallet.id, wallet.user_id, wallet.chain, wallet.address)

    @classmethod
    def of_supply(cls, supply: Supply) -> Sender:
        return cls(supply.wallet_id, supply.user_id, supply.chain, supply.address)


def build(
    sender: Sender,
    to: str | None,
    *,
    value: int = 0,
    data: bytes = b"",
    token: tuple[str, int] | None = None,
    access_list: str | None = None,
    gas: int | None = None,
    fees: Fees | None = None,
    speed: Speed | None = None,
    deadline: datetime | None = None,
) -> Intent:
    """The intent of a transfer, a call or a contract creation. `token` is (address, base units); `to` is then its
    recipient.

    Without `gas`, the intent has the intrinsic gas until the chain has estimated it. Call data that is exactly a
    transfer of a registered token draws on the token's funds, however the caller expressed it. Raises InvalidValue for
    addresses with a wrong EIP-55 checksum."""
    target = recipient = parse_address(to, "to") if to is not None else None
    amount: int | None = None
    contract: str | None = None
    if token is not None and recipient is not None:
        contract, amount = parse_address(token[0], "token.address"), token[1]
        target, data = contract, tokens.transfer(recipient, amount)
    elif named := _named_transfer(sender.chain, target, value, data):
        contract, (recipient, amount) = target, named
    least = acceptance.intrinsic_gas(data, creates=target is None, access_list=access_list)
    return Intent(
        sender.wallet_id, sender.user_id, sender.chain, sender.address, target, value, data, access_list,
        token_address=contract,
        token_recipient=recipient if contract is not None else None,
        token_amount=amount,
        gas=least if gas is None else gas,
        fees=fees,
        speed=speed or "average",
        deadline=deadline,
    )  # fmt: skip


def _named_transfer(chain: str, to: str | None, value: int, data: bytes) -> tuple[str, int] | None:
    """(recipient, base units) if a call is exactly a transfer of a token in the registry; otherwise None."""
    if to is None or value or not data:
        return None
    if all(token.address != to for token in resources.registry().chain(chain).tokens):
        return None
    return tokens.decoded_transfer(data)


def from_caller(request: TransactionCall, caller: Caller) -> tuple[ChainClient, Intent]:
    """The intent of a call that is only simulated, from the caller's wallet.

    Raises NotFound, WalletRequired, InvalidValue, DataTooLarge, GasTooLow."""
    chain = request.chain or resources.settings().default_chain
    wallet = resolve_wallet(Session(resources.database().snapshot()), caller, request.wallet_id, chain)
    intent = from_request(request, on_chain(wallet, request))
    acceptance.check_intent(intent, resources.clock().now())
    return resources.chain(wallet.chain), intent


def on_chain(wallet: Wallet, request: TransactionCall) -> Wallet:
    """Return the wallet. Raises InvalidValue if the request names another chain."""
    if request.chain not in (None, wallet.chain):
        raise InvalidValue("chain", f"the wallet is on {wallet.chain}")
    return wallet


def from_request(request: TransactionCall, wallet: Wallet) -> Intent:
    """The intent of a request, with fees, speed and deadline if it is to be sent. Raises InvalidValue."""
    sent, token = request if isinstance(request, SendTransaction) else None, None
    to, data = request.to, bytes.fromhex(request.data[2:])
    if (transfer := request.token) is not None:
        for name, value in (("amount", transfer.amount), ("token_id", transfer.token_id)):
            if int(value or 0) > acceptance.MAX_UINT256:
                raise InvalidValue(f"token.{name}", "must be an unsigned 256-bit integer")
        if transfer.token_id is None:
            token = (transfer.address, int(transfer.amount or 0))
        else:
            to, data = _collectible(transfer, wallet.address, parse_address(str(to), "to"))
    return build(
        Sender.of_wallet(wallet),
        to,
        value=int(request.value),
        data=data,
        token=token,
        access_list=_access_list(request),
        gas=request.gas,
        fees=_fees(sent) if sent else None,
        speed=sent.speed if sent else None,
        deadline=sent.deadline if sent else None,
    )


def _collectible(transfer: TokenAmount, owner: str, recipient: str) -> tuple[str, bytes]:
    """(contract, call data) of an ERC-721 or ERC-1155 transfer: an ordinary call, which policies can decode."""
    contract, number = parse_address(transfer.address, "token.address"), int(transfer.token_id or 0)
    amount = int(transfer.amount or 1) if transfer.type == "erc1155" else None
    return contract, tokens.safe_transfer(owner, recipient, number, amount)


def mixed(request: SendTransaction) -> bool:
    """Whether the request has both kinds of fees, or fees and a speed."""
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
    """The access list in JSON-RPC form (EIP-2930)."""
    if not request.access_list:
        return None
    entries = [{"address": entry.address, "storageKeys": entry.storage_keys} for entry in request.access_list]
    return json.dumps(entries, separators=(",", ":"))
