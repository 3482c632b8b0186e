"""Payments that a finalized block contains and that a restored database has forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.domain.transactions import outcome
from shared.domain.transactions.evidence import Receipt, transfer_logged
from shared.domain.transactions.outcome import NotEvidence
from shared.domain.transactions.transactions import Attempt, Transaction

# The bytes of such an attempt are unknown: their creator is gone, and nobody has to send them again.
LOST: Final = b""


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction of a finalized block, as a quorum shows it; amounts in base units, addresses EIP-55."""

    chain: str
    from_address: str
    nonce: int
    to: str | None
    value: int
    receipt: Receipt
    mined_at: datetime
    finalized: int  # the finalized height

    @property
    def hash(self) -> str:
        return self.receipt.hash


def check(found: Found, row: Transaction, since: datetime) -> None:
    """Check that this is the payment that the row requests: sender, recipient, token, amount, success, and not older
    than its order (`since`). Raises NotEvidence, which names the difference."""
    receipt, token = found.receipt, row.token_address
    if found.from_address.lower() != row.from_address.lower() or found.chain != row.chain:
        raise NotEvidence(f"It was sent by {found.from_address}, not by {row.from_address}.")
    if not receipt.success:
        raise NotEvidence("It failed on chain.")
    if receipt.block_number > found.finalized:
        raise NotEvidence("Its block is not final.")
    if found.mined_at < since:
        raise NotEvidence("It is older than the order.")
    if token is not None:
        recipient, amount = row.token_recipient or "", row.token_amount or 0
        if not transfer_logged(receipt.logs, token, row.from_address, recipient, amount):
            raise NotEvidence(f"It does not transfer {amount} base units of {token} to {recipient}.")
    elif (found.to or "").lower() != (row.to or "").lower() or found.value != row.value:
        raise NotEvidence(f"It pays {found.value} wei to {found.to}, not {row.value} to {row.to}.")


def recorded(
    row: Transaction, found: Found, nonce: int | None, now: datetime, block_seconds: float
) -> tuple[Transaction, Attempt]:
    """The row, which waits for a nonce, as confirmed and final by `found`, and the attempt that represents the
    transaction.

    `nonce` is None if another row has it. Raises InvalidState if the row already has its own nonce: its bytes may
    still be mined, and the engine finds that out."""
    receipt = found.receipt
    attempt = Attempt(
        transaction_id=row.id,
        k=1,
        kind="payload",
        raw=LOST,
        hash=receipt.hash,
        max_fee_per_gas=None,
        max_priority_fee_per_gas=None,
        gas_price=None,
        gas=receipt.gas_used,
        send_count=0,
        first_sent_at=None,
        last_sent_at=None,
        last_result=None,
        created_at=now,
    )
    sent = row.moved("found", "submitted", now, nonce=nonce, hash=receipt.hash, blocked_reason=None)
    sent = replace(sent, attempt_count=1)
    mined = outcome.mined(sent, attempt, receipt, now, block_seconds)
    return outcome.finalize(
        outcome.conclude(mined, attempt, receipt, now, block_seconds), found.finalized, now
    ), attempt
