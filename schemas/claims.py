"""Claims as their claimer and the order's owner see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from schemas.base import (
    AmountText,
    ChainName,
    Count,
    Currency,
    Id,
    Instant,
    Page,
    Reason,
    Request,
    Resource,
    TimedQuery,
)
from shared.domain.desk import claims
from shared.domain.desk.settlement import Payment
from shared.domain.desk.states import ClaimStatus, PaymentStatus, SettlementStatus
from shared.domain.money import format_amount

Epoch = Annotated[Count, Field(ge=1, le=2**53)]


class ClaimOrder(Request):
    """Claim an order. The payout goes to the wallet; it may be omitted if the caller has only one."""

    order_id: Id
    wallet_id: Id | None = None


class ClaimNext(Request):
    """Claim any matching open order; `min_amount` is in the unit of the currency."""

    chain: ChainName | None = None
    currency: Currency | None = None
    min_amount: AmountText | None = None
    wallet_id: Id | None = None


class GetClaim(Request):
    claim_id: Id


class ListClaims(TimedQuery):
    """The caller's claims, or with `order_id` all claims of one of the caller's orders."""

    order_id: Id | None = None
    status: ClaimStatus | None = None


class HeartbeatClaim(Request):
    """`epoch`, if given, must be that of the claim: a claimer who is too late is refused."""

    claim_id: Id
    epoch: Epoch | None = None


class ReleaseClaim(HeartbeatClaim):
    """Give the order back."""


class ProcessClaim(HeartbeatClaim):
    """Pay the claim."""


class RejectClaim(Request):
    claim_id: Id
    reason: Reason


class RetrySettlement(Request):
    """`reason` is kept in the log."""

    claim_id: Id
    reason: Reason | None = None


class AbandonSettlement(Request):
    claim_id: Id
    reason: Reason


class PaymentPart(Resource):
    """One payment of a settlement round."""

    allocation_id: str
    amount: str
    round: int
    transaction_id: str
    status: PaymentStatus
    reason: str | None

    @classmethod
    def of(cls, payment: Payment, decimals: int) -> PaymentPart:
        return cls(
            allocation_id=payment.allocation_id,
            amount=format_amount(payment.amount, decimals),
            round=payment.round,
            transaction_id=payment.transaction_id,
            status=payment.status,
            reason=payment.reason,
        )


class Settlement(Resource):
    """All payments of all rounds, oldest round first."""

    status: SettlementStatus
    payments: list[PaymentPart]


class Claim(Resource):
    """A claimer's hold on an order: until when, and how it is settled."""

    id: str
    order_id: str
    user_id: str
    wallet_id: str
    chain: str
    currency: str
    amount: str
    status: ClaimStatus
    reason: str | None
    epoch: int
    lease_until: Instant | None
    claimed_at: Instant
    processed_at: Instant | None
    settlement: Settlement
    version: int

    @classmethod
    def of(cls, claim: claims.Claim, payments: Iterable[Payment] = ()) -> Claim:
        ordered = sorted(payments, key=lambda p: (p.round, p.allocation_id))
        return cls(
            id=claim.id,
            order_id=claim.order_id,
            user_id=claim.user_id,
            wallet_id=claim.wallet_id,
            chain=claim.chain,
            currency=claim.currency,
            amount=format_amount(claim.amount, claim.decimals),
            status=claim.status,
            reason=claim.reason,
            epoch=claim.epoch,
            lease_until=claim.lease_until,
            claimed_at=claim.claimed_at,
            processed_at=claim.processed_at,
            settlement=Settlement(
                status=claim.settlement_status,
                payments=[PaymentPart.of(payment, claim.decimals) for payment in ordered],
            ),
            version=claim.version,
        )


class ClaimPage(Page[Claim]):
    """The caller's claims, or all claims of one of the caller's orders."""
