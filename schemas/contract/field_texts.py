"""Descriptions of fields: one text for a name with the same meaning everywhere, and texts by model for the others.

A model's own description of a field takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ANYWHERE: Final[Mapping[str, str]] = {
    # lists
    "limit": "How many at most.",
    "cursor": "Where to go on: the `next_cursor` of the page before.",
    "next_cursor": "What the next page is asked for with; null on the last one.",
    "created_after": "Made at this time or later.",
    "created_before": "Made before this time.",
    "min_amount": "At least this much, in the currency's unit.",
    # every resource
    "version": "1 when it is made, one more with each change: `ETag`, `If-Match` and `Min-Version` speak of it.",
    "created_at": "When it was made.",
    "updated_at": "When it was changed last.",
    "expires_at": "When it ends by itself; null for never.",
    "description": "A text of one's own.",
    "note": "A text of one's own, which nobody else sees.",
    "request_id": "What `X-Request-Id` said; logs and the audit log have it, too.",
    "chain": "A chain by its name, as `GET /chains` lists it.",
    "chain_id": "The chain's number (EIP-155).",
    "currency": "A symbol or a token's address, as `GET /chains` lists it.",
    "decimals": "How many decimals the unit has: 18 for ether.",
    "symbol": "The currency's symbol.",
    "token_address": "The token's contract; null for the native coin.",
    # supplies, orders and claims
    "product_id": "Your own id of the product.",
    "product_name": "What the product is called.",
    "price": "Of one, in the currency's unit.",
    "quantity": "How many.",
    "total": "The price of all of them, in the currency's unit.",
    "supply_ids": "Only these supplies may pay; null leaves the choice to the service.",
    "allocations": "Which supply pays which part.",
    "available": "What orders may still reserve.",
    "reserved": "What orders hold that are not paid yet.",
    "settled": "What was paid and is final on chain.",
    "epoch": "The number of this claim among those of its order: sent with a call, it must be the newest.",
    "lease_until": "Until when the claim holds its order; a heartbeat extends it.",
    "claimed_at": "When the order was claimed.",
    "processed_at": "When every payment was final.",
    "payments": "Each payment of each round.",
    "round": "1, and one more each time that what is unpaid is paid again.",
    # transactions
    "max_fee_per_gas": "The most to pay per gas, in wei.",
    "max_priority_fee_per_gas": "The most of it for whoever makes the block, in wei.",
    "speed": "What is offered where no fee is given.",
    "access_list": "What it will touch, paid beforehand (EIP-2930).",
    "deadline": "It is not sent after this time.",
    "gas_used": "What it has used.",
    "effective_gas_price": "Wei per gas that were paid.",
    "waiting_for": "Why it does not go on yet, and since when; null when it does.",
    "blocked_reason": "What holds it up until somebody acts; null when nothing does.",
    "cancel_requested": "Whether its cancellation was asked for.",
    "finalized": "Whether no reorganisation can change it any more.",
    "approvals": "Who has approved it so far.",
    "transaction_hash": "The transaction's hash.",
    "log_index": "Its place among the block's logs.",
    # wallets, policies, contracts
    "derivation_path": "Where its key is below the seed (BIP-32).",
    "mnemonic": "BIP-39 words, separated by spaces.",
    "private_key": "32 bytes in hexadecimal.",  # pragma: allowlist secret
    "passphrase": "What the keystore file is encrypted with.",
    "keystore": "A keystore file (version 3).",
    "limits": "The most of an asset that a transaction and a day may move.",
    "allowed_recipients": "Only these may be paid; null for anybody.",
    "allowed_contracts": "Only these may be called; null for any.",
    "allowed_selectors": "Only these functions may be called; null for any.",
    "approval_above": "Base units of the native coin above which others must approve.",
    "approvals_required": "How many must approve.",
    "approvers": "Ids of users who may approve.",
    "max_fee_per_day": "The most wei for gas in a day.",
    "abi": "The contract's interface as compilers write it.",
    # accounts
    "email": "The account's e-mail address.",
    "email_verified": "Whether its mailbox was proved.",
    "otp": "A code of the authenticator app, or a recovery code.",
    "credential": "What the browser's `navigator.credentials` gave, as JSON.",
    "recovery_codes": "Each stands for the second factor once; shown in this one answer.",
    "refresh_token": "Gets the next access token, once.",
    "roles": "What the account is; a role is a set of permissions.",
    "tier": "How much it may ask for in a minute.",
    "scopes": "The permissions of its owner that the key has.",
    "permissions": "What the caller may do.",
    "last_used_at": "When it was used last; null for never.",
    "user_agent": "What the browser or program calls itself.",
    # events and webhooks
    "types": "Types with commas between; `order.*` is all of a kind.",
    "event_types": "Which events are sent; `order.*` is all of a kind, `*` is all.",
    "sequence": "The version of the subject that it speaks of: a higher one is newer.",
    "url": "Where events are sent by POST.",
    "payload": "`full` events, or `thin` ones without their data.",
    "wait": "How many seconds to wait for an event.",
    "next_attempt_at": "When it is tried again.",
}
_ACTION: Final = {
    "to": "The address that it goes to; null creates a contract.",
    "value": "Wei of the native coin that go along.",
    "data": "The bytes of the call, in hexadecimal.",
    "gas": "The most gas that it may use; estimated where it is left out.",
}
_WHICH: Final = {"wallet_id": "The wallet; it may be left out where there is only one."}
_OF_MODELS: Final[Mapping[str, Mapping[str, str]]] = {
    "SendTransaction": _ACTION | _WHICH | {"gas_price": "Wei per gas, on chains without EIP-1559."},
    "TransactionCall": _ACTION | _WHICH,
    "Transaction": _ACTION
    | {
        "from": "The address that sends.",
        "gas": "The most gas that it may use.",
        "nonce": "Its place among the address's transactions; null until it is sent.",
        "hash": "The newest attempt's; null until there is one.",
        "attempts": "What was signed for it, the oldest first: a block takes one of them at most.",
        "block_number": "The block that holds it; null without one.",
        "block_hash": "That block's hash.",
        "confirmations": "How deep the block is: 1 for the newest.",
        "contract_address": "The contract that it creates; null where it creates none.",
    },
    "ClaimOrder": {"wallet_id": "The wallet that is paid; it may be left out where there is only one."},
    "ClaimNext": {"wallet_id": "The wallet that is paid; it may be left out where there is only one."},
    "CreateSupply": {"wallet_id": "Whose balance it is a part of; it may be left out where there is only one."},
    "PlaceOrder": {"items": "What is ordered: prices times quantities are the exact total."},
    "Balance": {"balance": "In base units.", "formatted": "The same in the currency's unit."},
    "UpdatePolicy": {"paused": "Whether nothing is signed."},
    "ErrorBody": {
        "code": "What was refused, of a closed list: [/docs/errors.html](/docs/errors.html).",
        "message": "The same as a sentence.",
        "details": "What is wrong with which field.",
        "data": "What a program needs to act on it, by code.",
    },
}  # fmt: skip


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
