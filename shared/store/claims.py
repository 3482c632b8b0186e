"""Claims and their payments."""

from __future__ import annotations

from shared.domain.claims import Claim
from shared.domain.settlement import Payment
from shared.store.table import Index, Table

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
PAYMENTS_BY_TRANSACTION = Index("payments_by_transaction", PAYMENTS, ("transaction_id",), unique=True)
