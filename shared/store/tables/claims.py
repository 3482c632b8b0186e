"""Claims and their payments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.desk.claims import Claim
from shared.domain.desk.settlement import Payment
from shared.store.table import Index, Query, Table

CLAIMS = Table("claims", Claim, ("id",), id_column="claim_id", numeric=frozenset({"amount"}), cached=True)
PAYMENTS = Table("payments", Payment, ("claim_id", "allocation_id", "round"), numeric=frozenset({"amount"}))
NEWEST = frozenset({"created_at"})
CLAIMS_LIVE = Index("claims_live", CLAIMS, ("live_order_id",), unique=True, null_filtered=True)
CLAIMS_LIVE_BY_USER = Index(
    "claims_live_by_user", CLAIMS, ("live_user_id", "claim_id"), null_filtered=True, stored=("lease_until",)
)
CLAIMS_BY_WALLET = Index("claims_by_wallet", CLAIMS, ("paying_wallet_id", "claim_id"), null_filtered=True)
CLAIMS_BY_ORDER = Index(
    "claims_by_order", CLAIMS, ("order_id", "created_at", "claim_id"), NEWEST, stored=("status",)
)
CLAIMS_BY_USER = Index(
    "claims_by_user", CLAIMS, ("user_id", "created_at", "claim_id"), NEWEST, stored=("status",)
)
CLAIMS_BY_STATUS = Index(  # of all users
    "claims_by_status",
    CLAIMS,
    ("list_shard", "status", "created_at", "claim_id"),
    NEWEST,
    stored=("chain", "currency"),
)
PAYMENTS_BY_TRANSACTION = Index("payments_by_transaction", PAYMENTS, ("transaction_id",), unique=True)


def by_id(claim_id: str) -> Query[Claim]:
    return CLAIMS.get(claim_id)


def find(claim_id: str) -> Query[Claim | None]:
    return CLAIMS.find(claim_id)


def by_ids(claim_ids: Iterable[str]) -> Query[list[Claim]]:
    return CLAIMS.get_many([(claim_id,) for claim_id in claim_ids])


def payments_of(claim_id: str) -> Query[list[Payment]]:
    return PAYMENTS.scan(claim_id)


def payments_below(claim_ids: Iterable[str]) -> Query[list[Payment]]:
    """The payments of several claims, in one read."""
    return PAYMENTS.below([(claim_id,) for claim_id in claim_ids])


def leases_of(user_id: str) -> Query[list[datetime]]:
    """`lease_until` of all claims that the user holds, including lapsed ones."""
    entries = CLAIMS_LIVE_BY_USER.scan(user_id)
    return entries.then(lambda rows: [row["lease_until"] for row in rows if row["lease_until"] is not None])
