"""Use a wallet's key for one answer: read its row, open it, and record the use before the answer is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schemas.wallets import Signature
from shared import resources
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.wallets.policies import Policy, may_be_hash
from shared.domain.wallets.wallets import Wallet
from shared.identity import siwe
from shared.runtime.errors import Forbidden
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.wallets import VAULT_KEYS, usable
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody, policy_enforcement
from shared.writes import session_check
from shared.writes.commit import commit

SIGN_IN = "wallet:sign_in"
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_NO_SIGN_IN = "CancelAuthorization"  # of EIP-3009: its hash is a nonce
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def wallet_and_policy(session: Session, caller: Caller, wallet_id: str) -> tuple[Wallet, Policy | None]:
    """The wallet that the caller may sign with, and its policy. Raises NotFound, SignInEnded."""
    check = session_check.of(caller)
    wallet, policy, *rows = session.read_all(
        [usable(caller, wallet_id), POLICIES.find(wallet_id), *check.queries]
    )
    check.check(*rows)
    return wallet, policy.at(resources.clock().now()) if policy is not None else None


class SignInMessage(Refusal):
    """Otherwise a program that may sign for a wallet could sign in as the wallet's owner."""

    code, status = "SIGN_IN_MESSAGE", 422
    message = "A message that signs in to this site is never signed."


def check_sign_in_text(caller: Caller, text: str) -> None:
    """Refuse a text that signs in to this site; for a program without the permission, also one for another site.

    Raises SignInMessage, Forbidden."""
    site = siwe.asks_to_sign_in(text)
    if site is None:
        return
    if any(domain.lower() in site for domain in resources.settings().siwe_domains):
        raise SignInMessage
    _require_sign_in(caller)


def check_message(caller: Caller, text: str) -> None:
    """Like `check_sign_in_text`, and a program also needs the permission for a text that may be a hash.

    Contract wallets treat a signed hash as a signature of the hashed text, which may be a sign-in. Raises
    SignInMessage, Forbidden."""
    check_sign_in_text(caller, text)
    if may_be_hash(text):
        _require_sign_in(caller)


def check_sign_in_data(caller: Caller, document: Mapping[str, Any]) -> None:
    """Like `check_sign_in_text`, for all texts in typed data, because contract wallets accept a text as signed if their
    owner signed a struct that contains it.

    The structs of some wallets contain only a hash, perhaps beside the account; a program always needs the permission
    for these. Raises SignInMessage, Forbidden."""
    rest: list[Any] = [document.get("message")]
    while rest:
        value = rest.pop()
        if isinstance(value, dict | list):
            rest += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str):
            check_sign_in_text(caller, value)
            if _HEX.fullmatch(value):
                check_sign_in_text(caller, bytes.fromhex(value[2:]).decode(errors="replace"))
    only_hashes = _only_hashes(document.get("message")) and document.get("primaryType") != _NO_SIGN_IN
    if document.get("primaryType") == "SafeMessage" or only_hashes:
        _require_sign_in(caller)


def _only_hashes(message: object) -> bool:
    """Whether all members are hashes, as in `CoinbaseSmartWalletMessage(bytes32 hash)`, `Kernel(bytes32 hash)` and
    `LightAccountMessage(bytes message)`, beside addresses, as in `AmbireOperation(address account,bytes32 hash)`."""
    values = list(message.values()) if isinstance(message, dict) else []
    others = [one for one in values if not (isinstance(one, str) and _ADDRESS.fullmatch(one))]
    return bool(others) and all(isinstance(one, str) and _HASH.fullmatch(one) for one in others)


def _require_sign_in(caller: Caller) -> None:
    """Raises Forbidden if the caller is a program without the permission."""
    if caller.kind != "user" and not caller.may(SIGN_IN):
        raise Forbidden.lacks(SIGN_IN)


def private_key(session: Session, wallet: Wallet) -> bytes:
    """The wallet's private key. Opens the vault row, so only operations declared as signers may call this."""
    return custody.private_key(wallet, session.one(VAULT_KEYS.get(wallet.key_id)))


def record_use(wallet: Wallet, signature: str, typed_data: Mapping[str, Any] | None = None) -> Signature:
    """Record the use of the key in an audit row, and return the answer.

    For typed data, the same commit books what others may take by the signature. Raises PolicyDenied if the wallet's
    policy denies the typed data in this commit."""
    return commit(_note, wallet, Signature(signature=signature, address=wallet.address), typed_data)


def _note(
    unit: UnitOfWork, wallet: Wallet, answer: Signature, typed_data: Mapping[str, Any] | None
) -> Signature:
    if typed_data is not None:
        policy_enforcement.book_typed_data(unit, wallet, typed_data)
    unit.note(wallet.id)
    return answer
