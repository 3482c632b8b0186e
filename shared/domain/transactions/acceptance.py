"""Accept a transaction (T0). No nonce is assigned here, so a refusal costs nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.domain.errors import InvalidValue, Refusal
from shared.domain.transactions.fees import Fees
from shared.domain.transactions.lanes import lane_id
from shared.domain.transactions.schedule import queued_until
from shared.domain.transactions.transactions import ENGINE_TENANT, Kind, Speed, Transaction

MAX_UINT256: Final = 2**256 - 1
MAX_DATA_BYTES: Final = 128 * 1024 - 1024  # geth's pool refuses transactions over 128 KiB
MAX_INITCODE_BYTES: Final = 2 * 24576  # EIP-3860
MAX_TRANSACTION_GAS: Final = 2**24  # EIP-7825
PLAIN_GAS: Final = 21_000  # a transfer without data, and a no-op


class GasTooLow(Refusal):
    code, status, message = "GAS_TOO_LOW", 422, "The gas limit is below the transaction's minimum cost."


class DataTooLarge(Refusal):
    """`data.limit` is the largest number of bytes."""

    code, status, message = "DATA_TOO_LARGE", 422, "The transaction's data is larger than nodes accept."


@dataclass(frozen=True, slots=True)
class Intent:
    """What a user wants to do on chain; see Transaction for units. Addresses are already checked."""

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
    """The allocation of a claim that a settlement transaction pays, and the round."""

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
    """A new transaction in state `accepted`, or `held` if somebody has to approve it (`approval_until`).

    Raises InvalidValue, DataTooLarge, GasTooLow."""
    check_intent(intent, now)
    transaction = replace(
        _new(intent, transaction_id, tenant, idem_key, now),
        committed_value=committed_value,
        committed_gas=committed_gas,
        next_action_at=queued_until(_earlier(intent.deadline, approval_until), now),
    )
    if payment is not None:
        transaction = replace(
            transaction,
            claim_id=payment.claim_id,
            allocation_id=payment.allocation_id,
            round=payment.round,
        )
    if approval_until is not None:
        transaction = replace(
            transaction,
            state="held",
            blocked_reason="APPROVAL_REQUIRED",
            approval_until=approval_until,
            waiting_for="approval",
        )
    return transaction


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def check_intent(intent: Intent, now: datetime) -> None:
    """Check the rules that need neither chain nor store. Raises what `accept` raises."""
    if not 0 <= intent.value <= MAX_UINT256:
        raise InvalidValue("value", "must be an unsigned 256-bit integer")
    if intent.to is None and not intent.data:
        raise InvalidValue("to", "may only be absent when data holds the code of a contract to create")
    bound = MAX_INITCODE_BYTES if intent.to is None else MAX_DATA_BYTES
    if len(intent.data) > bound or len(intent.data) + listed_bytes(intent.access_list) > MAX_DATA_BYTES:
        raise DataTooLarge(limit=bound)
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
    """The gas that is due before any code runs: EIP-2028, EIP-3860, EIP-2930, with the floor of EIP-7623."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    gas = PLAIN_GAS + 4 * tokens
    if creates:
        gas += 32_000 + 2 * -(-len(data) // 32)
    for entry in json.loads(access_list) if access_list else []:
        gas += 2_400 + 1_900 * len(entry.get("storageKeys", ()))
    return max(gas, PLAIN_GAS + 10 * tokens)


def listed_bytes(access_list: str | None) -> int:
    """The bytes that an access list adds to the transaction: 33 for a key, at most 28 more for an address."""
    entries = json.loads(access_list) if access_list else []
    return sum(28 + 33 * len(entry.get("storageKeys", ())) for entry in entries)


def fill(
    wallet_id: str, user_id: str, chain: str, address: str, *, nonce: int, transaction_id: str, now: datetime
) -> Transaction:
    """A no-op for a nonce of the lane that has no row. It already has the nonce; no gas is committed for it.

    Because of UNIQUE(tenant, idem_key) and UNIQUE(lane_id, nonce), only one of several sweepers can insert it."""
    intent = Intent(wallet_id, user_id, chain, address, to=address)
    key = f"fill:{lane_id(chain, address)}:{nonce}"
    return replace(
        _new(intent, transaction_id, ENGINE_TENANT, key, now, kind="noop"),
        state="nonced",
        nonce=nonce,
        waiting_for="signature",
    )


def _new(
    intent: Intent, transaction_id: str, tenant: str, idem_key: str, now: datetime, *, kind: Kind = "call"
) -> Transaction:
    """The intent's transaction in state `accepted`, due now, without a nonce, signed bytes or committed funds."""
    return Transaction(
        id=transaction_id,
        tenant=tenant,
        idem_key=idem_key,
        wallet_id=intent.wallet_id,
        user_id=intent.user_id,
        lane_id=lane_id(intent.chain, intent.from_address),
        chain=intent.chain,
        from_address=intent.from_address,
        kind=kind,
        to=intent.to,
        value=intent.value,
        data=intent.data,
        access_list=intent.access_list,
        token_address=intent.token_address,
        token_recipient=intent.token_recipient,
        token_amount=intent.token_amount,
        gas=intent.gas,
        max_fee_per_gas=intent.fees.max_fee_per_gas if intent.fees else None,
        max_priority_fee_per_gas=intent.fees.max_priority_fee_per_gas if intent.fees else None,
        gas_price=intent.fees.gas_price if intent.fees else None,
        speed=None if intent.fees else intent.speed,
        committed_value=0,
        committed_gas=0,
        nonce=None,
        state="accepted",
        blocked_reason=None,
        undo_state=None,
        cancel_requested=False,
        attempts_wanted=None,
        attempt_count=0,
        hash=None,
        next_action_at=now,
        deadline=intent.deadline,
        mined_attempt=None,
        mined_block_number=None,
        mined_block_hash=None,
        gas_used=None,
        effective_gas_price=None,
        contract_address=None,
        finalized=False,
        error=None,
        error_message=None,
        claim_id=None,
        allocation_id=None,
        round=None,
        approval_until=None,
        approved_by=None,
        approved_digest=None,
        approvals=None,
        day_booked=None,
        version=1,
        created_at=now,
        updated_at=now,
        waiting_for="turn",
        waiting_since=now,
    )
