"""Why a claim is not made, or does not hold any more."""

from __future__ import annotations

from shared.domain.errors import Refusal


class OwnOrder(Refusal):
    code, status, message = "OWN_ORDER", 403, "One's own order cannot be claimed."


class OrderAlreadyClaimed(Refusal):
    code, status, message = "ORDER_ALREADY_CLAIMED", 409, "Somebody else has claimed the order."


class ClaimExists(Refusal):
    """`data.claim_id` is the caller's own claim."""

    code, status, message = "CLAIM_EXISTS", 409, "The caller has claimed the order with another wallet."


class OrderExpired(Refusal):
    code, status, message = "ORDER_EXPIRED", 409, "The order's time is over."


class ClaimLimit(Refusal):
    """`data.limit` is the largest number of live claims of one user."""

    code, status, message = "CLAIM_LIMIT", 409, "The caller has too many live claims."


class LeaseLost(Refusal):
    """`data.status` is the claim's state."""

    code, status, message = "LEASE_LOST", 409, "The claim's lease is over."
