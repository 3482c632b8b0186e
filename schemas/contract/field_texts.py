"""Descriptions of fields: one text for a name with the same meaning everywhere, and texts by model for the others.

A model's own description of a field takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ANYWHERE: Final[Mapping[str, str]] = {
    # lists
    "limit": "The maximum number of items of a page.",
    "cursor": "The position to continue from: the `next_cursor` of the previous page.",
    "next_cursor": "The `cursor` of the next page; null on the last page.",
    "created_after": "Created at this time or later.",
    "created_before": "Created before this time.",
    "min_amount": "At least this amount, in the currency's unit.",
    # every resource
    "version": "1 on creation, and one more with each change; see `ETag`, `If-Match` and `Min-Version`.",
    "created_at": "The time of creation.",
    "updated_at": "The time of the last change.",
    "expires_at": "The time at which it expires; null if it never does.",
    "description": "Free text of the owner.",
    "note": "Free text of the owner, which other users do not see.",
    "request_id": "The value of `X-Request-Id`, which logs and the audit log contain as well.",
    "chain": "The name of a chain, as listed by `GET /chains`.",
    "chain_id": "The chain id (EIP-155).",
    "currency": "The symbol of a currency or the address of a token, as listed by `GET /chains`.",
    "decimals": "The number of decimals of the unit: 18 for ether.",
    "symbol": "The symbol of the currency.",
    "token_address": "The contract of the token; null for the native coin.",
    # supplies, orders and claims
    "product_id": "Your own id of the product.",
    "product_name": "The name of the product.",
    "price": "The price of one item, in the currency's unit.",
    "quantity": "The number of items.",
    "total": "Price times quantity, in the currency's unit.",
    "supply_ids": "The only supplies that may pay; null lets the service choose.",
    "allocations": "The parts of the order, by the supply that pays each.",
    "available": "The amount that orders can still reserve.",
    "reserved": "The amount that orders have reserved and that is not paid yet.",
    "settled": "The amount that is paid on chain.",
    "epoch": "The number of this claim among the claims of its order; a call that sends it must send the newest one.",
    "lease_until": "The time until which the claim holds its order; a heartbeat extends it.",
    "claimed_at": "The time at which the order was claimed.",
    "processed_at": "The time at which all payments were final.",
    "payments": "The payments of all rounds.",
    "round": "The number of the round: 1, and one more each time that the unpaid part is paid again.",
    # transactions
    "max_fee_per_gas": "The maximum fee per gas, in wei (EIP-1559).",
    "max_priority_fee_per_gas": "The part of it that goes to the block's producer at most, in wei per gas (EIP-1559).",
    "speed": "The fees to offer if the request contains none.",
    "access_list": "The addresses and storage keys that it declares in advance (EIP-2930).",
    "deadline": "The transaction is not sent after this time.",
    "gas_used": "The gas that was used.",
    "effective_gas_price": "The price that was paid per gas, in wei.",
    "waiting_for": "What it waits for and since when; null if it does not wait.",
    "blocked_reason": "Why it is blocked until somebody acts; null if it is not blocked.",
    "cancel_requested": "Whether its cancellation was requested.",
    "finalized": "Whether it is final: no reorganisation can change it any more.",
    "approvals": "The approvals so far.",
    "transaction_hash": "The hash of the transaction.",
    "log_index": "The position of the log in its block.",
    # wallets, policies, contracts
    "derivation_path": "The path from the seed to its key (BIP-32).",
    "mnemonic": "BIP-39 words, separated by spaces.",
    "private_key": "32 bytes in hexadecimal.",  # pragma: allowlist secret
    "passphrase": "The passphrase of the keystore file.",
    "keystore": "A keystore file (version 3).",
    "limits": "The maximum amounts per transaction and per day, by asset.",
    "allowed_recipients": "The only addresses that may be paid; null allows all.",
    "allowed_contracts": "The only contracts that may be called; null allows all.",
    "allowed_selectors": "The only functions that may be called; null allows all.",
    "approval_above": "Transactions above this amount need approval; in base units of the native coin.",
    "approvals_required": "The number of approvals that are needed.",
    "approvers": "The ids of the users who may approve.",
    "max_fee_per_day": "The maximum spent on gas per day, in wei.",
    "abi": "The contract's ABI, as compilers write it.",
    # accounts
    "email": "The e-mail address of the account.",
    "email_verified": "Whether the e-mail address is confirmed.",
    "otp": "A code of the authenticator app, or a recovery code.",
    "credential": "The result of the browser's `navigator.credentials`, as JSON.",
    "recovery_codes": "Each of them replaces the second factor once. Only this answer shows them.",
    "refresh_token": "Gets the next access token; it is valid once.",
    "roles": "The roles of the account; each is a set of permissions.",
    "tier": "The tier of the account, which decides its rate limits.",
    "scopes": "The permissions of its owner that the key has.",
    "permissions": "The permissions of the caller.",
    "last_used_at": "The time of the last use; null if there was none.",
    "user_agent": "The `User-Agent` of the browser or program.",
    # events and webhooks
    "types": "Event types, separated by commas; `order.*` means all types of orders.",
    "event_types": "The types of events to send; `order.*` means all types of orders, `*` means all types.",
    "sequence": "The version of the subject that the event describes: a higher one is newer.",
    "url": "The URL that events are sent to by POST.",
    "payload": "`full`: with the events' data; `thin`: without.",
    "wait": "The maximum time to wait for an event, in seconds.",
    "next_attempt_at": "The time of the next attempt.",
}
_ACTION: Final = {
    "to": "The address to send to; null creates a contract.",
    "value": "The amount of the native coin to send, in wei.",
    "data": "The call data, in hexadecimal.",
    "gas": "The gas limit; it is estimated if omitted.",
}
_WALLET: Final = {"wallet_id": "The wallet; it may be omitted if there is only one."}
_PAID_WALLET: Final = {"wallet_id": "The wallet to be paid; it may be omitted if there is only one."}
_NOTED: Final = {"metadata": "Only those with this entry in their `metadata`: `key:value`."}
_ARGUMENTS: Final = {
    "arguments": "In order or by name. Integers are decimal strings, bytes are hexadecimal, tuples lists or objects.",
}
_FUNCTION: Final = _ARGUMENTS | {
    "method": "The function's name, or its full signature if several have the name.",
}
_OF_MODELS: Final[Mapping[str, Mapping[str, str]]] = {
    "SendTransaction": _ACTION
    | _WALLET
    | {"gas_price": "The price per gas in wei, on chains without EIP-1559."},
    "TransactionCall": _ACTION | _WALLET,
    "Transaction": _ACTION
    | {
        "from": "The sending address.",
        "gas": "The gas limit.",
        "nonce": "The nonce; null until it has one.",
        "hash": "The hash of the newest attempt; null until there is one.",
        "attempts": "The signed transactions, oldest first; at most one of them can be mined.",
        "block_number": "The number of its block; null without one.",
        "block_hash": "The hash of its block; null without one.",
        "confirmations": "The depth of its block: 1 for the newest block.",
        "contract_address": "The address of the created contract; null if it creates none.",
    },
    "TokenAmount": {
        "address": "The contract of the token.",
        "type": "The kind of the token.",
        "amount": "In base units.",
        "token_id": "The id of the token, as a decimal string.",
    },
    "ListSupplies": _NOTED,
    "ListOrders": _NOTED,
    "ListWallets": _NOTED,
    "ListTransactions": _NOTED,
    "ListContracts": _NOTED,
    "CallContract": _FUNCTION
    | {
        "from": "The address of one of your wallets, as the sender; none by default.",
        "block": "The number or the tag of the block whose state is read.",
    },
    "ReadCall": _FUNCTION,
    "Multicall": {"block": "The number or the tag of the block whose state is read."},
    "SendToContract": _FUNCTION | _WALLET | {"value": _ACTION["value"], "gas": _ACTION["gas"]},
    "DeployContract": _ARGUMENTS | _WALLET | {"value": _ACTION["value"], "gas": _ACTION["gas"]},
    "ListContractEvents": {
        "event": "The event's name, or its full signature if several have the name.",
        "from_block": "The first block.",
        "to_block": "The last block.",
        "topic1": "The value of the first indexed argument: 32 bytes in hexadecimal.",
        "topic2": "The value of the second indexed argument: 32 bytes in hexadecimal.",
        "topic3": "The value of the third indexed argument: 32 bytes in hexadecimal.",
    },
    "ClaimOrder": _PAID_WALLET,
    "ClaimNext": _PAID_WALLET,
    "CreateSupply": {
        "wallet_id": "The wallet whose balance is committed; it may be omitted if there is only one."
    },
    "PlaceOrder": {"items": "The ordered items; the exact total is the sum of price times quantity."},
    "Balance": {"balance": "In base units.", "formatted": "The same in the currency's unit."},
    "UpdatePolicy": {"paused": "Whether signing is stopped."},
    "ErrorBody": {
        "code": "The code of the error, from a closed list: [/docs/errors.html](/docs/errors.html).",
        "message": "The error as a sentence.",
        "details": "The invalid fields, and what is wrong with each.",
        "data": "Values that a program needs to react; they depend on the code.",
    },
}


def describe(schemas: Mapping[str, Any]) -> None:
    """Add a description to each property that has none, if this module contains one."""
    for model, schema in schemas.items():
        texts = {**_ANYWHERE, **_OF_MODELS.get(model, {})}
        for name, found in schema.get("properties", {}).items():
            if name in texts and not {"description", "$ref"} & found.keys():
                found["description"] = texts[name]


def unknown(schemas: Mapping[str, Any]) -> set[str]:
    """Descriptions in this module that match no model, because the names no longer exist."""
    names = {model: set(schema.get("properties", {})) for model, schema in schemas.items()}
    gone = set(_ANYWHERE) - set().union(*names.values())
    return gone | {
        f"{model}.{name}"
        for model, texts in _OF_MODELS.items()
        for name in set(texts) - names.get(model, set())
    }
