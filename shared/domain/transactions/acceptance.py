"""T0: what is accepted as a transaction. No nonce is taken here, so a refusal costs nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import InvalidValue, Refusal
from shared.domain.transactions.fees import Fees
from shared.domain.transactions.lanes import lane_id
from shared.domain.transactions.schedule import queued_until
from shared.domain.transactions.transactions import ENGINE_TENANT, Speed, Transaction

MAX_UINT256: Final = 2**256 - 1
MAX_DATA_BYTES: Final = 128 * 1024 - 1024  # geth's pool refuses transactions over 128 KiB
MAX_INITCODE_BYTES: Final = 2 * 24576  # EIP-3860
MAX_TRANSACTION_GAS: Final = 2**24  # EIP-7825
PLAIN_GAS: Final = 21_000  # a transfer without data, and a no-op


class GasTooLow(Refusal):
    code, status, message = "GAS_TOO_LOW", 422, "The gas is below what the transaction costs at least."


class DataTooLarge(Refusal):
    code, status, message = "DATA_TOO_LARGE", 422, "The transaction's data is larger than nodes take."


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants done on chain; see Transaction for units. Addresses are already checked."""

    wallet_id: str
    user_id: str
    chain: str
    from_address: str
    to: str | None
    value: int = 0
    data: bytes = b""
    access_list: str | None = None
    token_address: str | None = None
    token_recipient: str | None = None
    token_amount: int | None = None
    gas: int = PLAIN_GAS
    fees: Fees | None = None  # None: the engine chooses by speed
    speed: Speed | None = "average"
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentOf:
    """The allocation of a claim that a settlement transaction pays, and in which round."""

    claim_id: str
    allocation_id: str
    round: int

    @property
    def idem_key(self) -> str:
        return f"settle:{self.claim_id}:{self.allocation_id}:{self.round}"


def accept(
    intent: Intent,
    transaction_id: str,
    tenant: str,
    idem_key: str,
    now: datetime,
    *,
    committed_value: int,
    committed_gas: int,
    payment: PaymentOf | None = None,
    approval_until: datetime | None = None,
) -> Transaction:
    """A new transaction in `accepted`, or in `held` when somebody has to approve it (`approval_until`).

    Raises InvalidValue, DataTooLarge, GasTooLow."""
    check_intent(intent, now)
    fees = intent.fees or Fees()
    return _new(
        intent,
        transaction_id=transaction_id,
        tenant=tenant,
        idem_key=idem_key,
        now=now,
        max_fee_per_gas=fees.max_fee_per_gas,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        gas_price=fees.gas_price,
        speed=None if intent.fees else intent.speed,
        committed_value=committed_value,
        committed_gas=committed_gas,
        next_action_at=queued_until(_earlier(intent.deadline, approval_until), now),
        state="held" if approval_until else "accepted",
        blocked_reason="APPROVAL_REQUIRED" if approval_until else None,
        approval_until=approval_until,
        claim_id=payment.claim_id if payment else None,
        allocation_id=payment.allocation_id if payment else None,
        round=payment.round if payment else None,
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def check_intent(intent: Intent, now: datetime) -> None:
    """The rules that need neither chain nor store; see `accept` for what is raised."""
    if not 0 <= intent.value <= MAX_UINT256:
        raise InvalidValue("value", "must be an unsigned 256-bit integer")
    if intent.to is None and not intent.data:
        raise InvalidValue("to", "may only be absent when data holds the code of a contract to create")
    bound = MAX_INITCODE_BYTES if intent.to is None else MAX_DATA_BYTES
    if len(intent.data) > bound or len(intent.data) + listed_bytes(intent.access_list) > MAX_DATA_BYTES:
        raise DataTooLarge(maximum=bound)
    if intent.token_address is not None and (intent.to != intent.token_address or intent.value):
        raise InvalidValue("token", "cannot be combined with another recipient or a value")
    least = intrinsic_gas(intent.data, creates=intent.to is None, access_list=intent.access_list)
    if intent.gas < least:
        raise GasTooLow(minimum=least)
    if intent.gas > MAX_TRANSACTION_GAS:
        raise InvalidValue("gas", f"must be at most {MAX_TRANSACTION_GAS}")
    if intent.deadline is not None and intent.deadline <= now:
        raise InvalidValue("deadline", "is in the past")


def intrinsic_gas(data: bytes, *, creates: bool, access_list: str | None = None) -> int:
    """Gas that is due before any code runs: EIP-2028, EIP-3860, EIP-2930, with the floor of EIP-7623."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    gas = PLAIN_GAS + 4 * tokens
    if creates:
        gas += 32_000 + 2 * -(-len(data) // 32)
    for entry in json.loads(access_list) if access_list else []:
        gas += 2_400 + 1_900 * len(entry.get("storageKeys", ()))
    return max(gas, PLAIN_GAS + 10 * tokens)


def listed_bytes(access_list: str | None) -> int:
    """What an access list adds to the transaction: 33 bytes for a key, at most 28 more for an address."""
    entries = json.loads(access_list) if access_list else []
    return sum(28 + 33 * len(entry.get("storageKeys", ())) for entry in entries)


def fill(
    wallet_id: str, user_id: str, chain: str, address: str, *, nonce: int, transaction_id: str, now: datetime
) -> Transaction:
    """A no-op for a nonce of the lane that has no row, already nonced; its gas is not committed beforehand.

    UNIQUE(tenant, idem_key) and UNIQUE(lane_id, nonce) let only one of several sweepers insert it.
    """
    intent = Intent(wallet_id, user_id, chain, address, to=address)
    key = f"fill:{lane_id(chain, address)}:{nonce}"
    return _new(
        intent,
        transaction_id=transaction_id,
        tenant=ENGINE_TENANT,
        idem_key=key,
        now=now,
        kind="noop",
        state="nonced",
        nonce=nonce,
        speed="average",
    )


def _new(
    intent: Intent, transaction_id: str, tenant: str, idem_key: str, now: datetime, **more: object
) -> Transaction:
    values: dict[str, object] = {
        "id": transaction_id,
        "tenant": tenant,
        "idem_key": idem_key,
        "lane_id": lane_id(intent.chain, intent.from_address),
        "kind": "call",
        "committed_value": 0,
        "committed_gas": 0,
        "state": "accepted",
        "cancel_requested": False,
        "attempt_count": 0,
        "next_action_at": now,
        "finalized": False,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    for name in Transaction.__dataclass_fields__:
        values.setdefault(name, getattr(intent, name, None))
    values.update(more)
    return Transaction(**values)  # type: ignore[arg-type]
