"""A transaction: an intent of one wallet on one chain, at most one nonce, and the attempts made for it.

Sibling modules contain the rules: `acceptance` (T0), `lanes` (T1, T8), `attempts` (T2–T4), `outcome` (T5–T7,
finality), `schedule` (when to look again), `fees` (bumps and caps), `states` (the table).

The rules keep these invariants: a transaction with an attempt never changes or returns its nonce (I3); the fees of
attempt k + 1 are at least ceil(1.125 × those of k) + 1 on every fee field (I4); once a nonce is assigned, only chain
evidence leads to a terminal state (I5).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, Self

from shared.domain.errors import Refusal
from shared.domain.transactions.fees import FeeCaps, Fees
from shared.domain.transactions.states import LIVE, TERMINAL, Event, PublicStatus, State, check, public_status
from shared.domain.transactions.waiting import WaitingFor, waits_for

Kind = Literal["call", "noop"]
AttemptKind = Literal["payload", "noop"]
Speed = Literal["slow", "average", "fast"]
BlockedReason = Literal["FUNDS_BLOCKED", "FEE_BLOCKED", "FOREIGN_NONCE", "APPROVAL_REQUIRED"]
UndoState = Literal["cancelled", "rejected", "expired"]

SETTLEMENT_TENANT: Final = "settlement"  # UNIQUE(tenant, idem_key): owner and service cannot pay twice
ENGINE_TENANT: Final = "engine"  # no-ops that fill a nonce without a row


class SettlementTransaction(Refusal):
    code, status = "SETTLEMENT_TRANSACTION", 409
    message = "A settlement's transaction cannot be cancelled or replaced by its wallet's owner."


class AttemptConflict(Refusal):
    """Compare-and-set on attempt_count failed: another handler stored an attempt; use the stored one."""

    code, status, message = "ATTEMPT_CONFLICT", 409, "Another attempt was stored in the meantime."


@dataclass(frozen=True, slots=True)
class Transaction:
    """The row of a transaction. Amounts in wei or token base units, gas in units of gas, fees in wei per gas."""

    id: str  # txn_…
    tenant: str  # the principal, SETTLEMENT_TENANT or ENGINE_TENANT
    idem_key: str
    wallet_id: str
    user_id: str
    lane_id: str  # see lanes.lane_id
    chain: str
    from_address: str  # EIP-55
    kind: Kind
    to: str | None  # None creates a contract
    value: int
    data: bytes
    access_list: str | None  # JSON text of an EIP-2930 list
    token_address: str | None  # set if `data` is this token's transfer(token_recipient, token_amount)
    token_recipient: str | None
    token_amount: int | None
    gas: int
    max_fee_per_gas: int | None  # of the first attempt, if its sender chose it
    max_priority_fee_per_gas: int | None
    gas_price: int | None
    speed: Speed | None
    committed_value: int  # what the native funds row commits for `value`
    committed_gas: int  # and for gas and layer 1's fee; gas × fee of every payload stays within it
    nonce: int | None
    state: State
    blocked_reason: BlockedReason | None
    undo_state: UndoState | None  # the state when its no-op is mined
    cancel_requested: bool
    attempts_wanted: int | None  # the number of attempts that a caller requested: a speed-up
    attempt_count: int
    hash: str | None  # of the latest attempt, of the mined one from `mined` on
    next_action_at: datetime | None  # None: nothing is due any more
    deadline: datetime | None
    mined_attempt: int | None
    mined_block_number: int | None
    mined_block_hash: str | None
    gas_used: int | None
    effective_gas_price: int | None
    contract_address: str | None  # created by this transaction, from the receipt
    finalized: bool
    error: str | None  # UPPER_SNAKE code
    error_message: str | None
    claim_id: str | None  # payments only
    allocation_id: str | None
    round: int | None
    approval_until: datetime | None  # the time until which a second person can approve it
    approved_by: str | None
    approved_digest: str | None  # of the payload that was approved
    approvals: list[str] | None  # who approved it so far
    day_booked: bool | None  # whether it counts against a daily limit of its wallet; None: unknown
    version: int
    created_at: datetime
    updated_at: datetime
    waiting_for: WaitingFor | None = None  # also None in rows older than the column
    waiting_since: datetime | None = None
    metadata: dict[str, str] | None = None  # the owner's notes, never interpreted
    # The wei for gas that was approved; also None in rows older than the column.
    approved_fee: int | None = None

    @property
    def waiting(self) -> tuple[WaitingFor, datetime] | None:
        """What it waits for, and since when; None if it is final."""
        reason = waits_for(self.state, self.blocked_reason, self.finalized)
        if reason is None:
            return None
        return self.waiting_for or reason, self.waiting_since or self.updated_at

    @property
    def status(self) -> PublicStatus:
        return public_status(self.state, self.blocked_reason)

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def live(self) -> bool:
        """Whether signed bytes exist and no known block contains them."""
        return self.state in LIVE

    @property
    def is_payment(self) -> bool:
        return self.tenant == SETTLEMENT_TENANT

    @property
    def is_fill(self) -> bool:
        """Whether it is the engine's own no-op for a nonce without a row."""
        return self.kind == "noop" and self.tenant == ENGINE_TENANT

    @property
    def wants_attempt(self) -> bool:
        """Whether a caller requested a replacement that is not stored yet."""
        return self.live and (self.attempts_wanted or 0) > self.attempt_count

    @property
    def chosen_fees(self) -> Fees | None:
        """The sender's fees; None if the engine chooses."""
        fees = Fees(self.max_fee_per_gas, self.max_priority_fee_per_gas, self.gas_price)
        return fees if fees.per_gas else None

    def held(self, caps: FeeCaps, kind: AttemptKind, gas: int) -> FeeCaps:
        """The caps within the committed gas. A no-op uses no more gas than its payload, whatever its limit, and sends
        no value: that value may pay for it, unless it is reserved for an allocation.

        If layer 1 charges its own fee, its part of `committed_gas` is not separated here (there is no column for it):
        bumps beyond the room for gas may use it up. gas × fee still stays within `committed_gas`, so the transaction
        costs at most layer 1's fee beyond it."""
        if not self.committed_gas:
            return caps
        freed = self.committed_value if kind == "noop" and not self.is_payment else 0
        return caps.within(min(gas, self.gas), self.committed_gas + freed)

    def moved(self, event: Event, target: State, now: datetime, **changes: Any) -> Self:
        """The next version in state `target`. Raises InvalidState unless the table allows it. `answer` among the
        changes is a node's answer to the latest bytes."""
        check(self.state, event, target)
        answer = changes.pop("answer", None)
        blocked = changes.get("blocked_reason", self.blocked_reason)
        reason = waits_for(target, blocked, changes.get("finalized", self.finalized), answer=answer)
        if answer is None and self.live and target in LIVE and self.blocked_reason == blocked:
            reason = self.waiting_for or reason  # only a node's answer changes it
        since = self.waiting_since if reason == self.waiting_for else now
        waiting: dict[str, Any] = {"waiting_for": reason, "waiting_since": since if reason else None}
        return replace(self, state=target, version=self.version + 1, updated_at=now, **changes, **waiting)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The key is (transaction_id, k), k from 1. Anyone can broadcast `raw` until its nonce is final."""

    transaction_id: str
    k: int
    kind: AttemptKind
    raw: bytes = field(repr=False)
    hash: str
    max_fee_per_gas: int | None
    max_priority_fee_per_gas: int | None
    gas_price: int | None
    gas: int
    send_count: int
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    last_result: str | None  # a SendOutcome
    created_at: datetime

    @property
    def fees(self) -> Fees:
        return Fees(self.max_fee_per_gas, self.max_priority_fee_per_gas, self.gas_price)
