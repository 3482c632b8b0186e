"""The schemas of claims."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from schemas.claims import (
    AbandonSettlement,
    Claim,
    ClaimNext,
    ClaimOrder,
    HeartbeatClaim,
    ListClaims,
    RejectClaim,
    RetrySettlement,
)
from tests.unit.domain.desk.settlement_case import SettlementCase


def test_an_answer_is_exactly_the_contracts_shape() -> None:
    desk = SettlementCase.started()
    answer = Claim.of(desk.claim, [replace(p, transaction_id="txn_1") for p in desk.payments.values()][::-1])
    dumped = answer.model_dump(mode="json")
    payments = dumped.pop("settlement")
    assert dumped == {
        "id": "clm_1",
        "order_id": "ord_1",
        "user_id": "usr_claimer",
        "wallet_id": "wal_usr_claimer",
        "chain": "local",
        "currency": "CENT",
        "amount": "3",
        "status": "processing",
        "reason": None,
        "epoch": 1,
        "lease_until": None,
        "claimed_at": "2030-01-01T12:00:00Z",
        "processed_at": None,
        "version": 2,
    }
    assert payments["status"] == "pending"
    assert [p["allocation_id"] for p in payments["payments"]] == ["alc_1", "alc_2", "alc_3"]
    assert payments["payments"][0] == {
        "allocation_id": "alc_1",
        "amount": "1",
        "round": 1,
        "transaction_id": "txn_1",
        "status": "pending",
        "reason": None,
    }


def test_a_claim_that_is_not_paid_yet_has_no_payments() -> None:
    answer = Claim.of(SettlementCase.claimed().claim)
    assert answer.settlement.model_dump() == {"status": "none", "payments": []}
    assert answer.model_dump(mode="json")["lease_until"] == "2030-01-01T12:15:00Z"


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (ClaimOrder, {}),
        (ClaimOrder, {"order_id": 5}),
        (ClaimOrder, {"order_id": "ord_1", "user_id": "usr_x"}),
        (ClaimNext, {"min_amount": 5}),
        (HeartbeatClaim, {"claim_id": "clm_1", "epoch": "1"}),
        (HeartbeatClaim, {"claim_id": "clm_1", "epoch": 0}),
        (RejectClaim, {"claim_id": "clm_1"}),
        (RejectClaim, {"claim_id": "clm_1", "reason": ""}),
        (AbandonSettlement, {"claim_id": "clm_1"}),
        (ListClaims, {"status": "open"}),
    ],
)
def test_wrong_bodies_are_refused(model: type[ClaimOrder], body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(body)


def test_optional_fields_may_be_absent() -> None:
    assert ClaimNext().wallet_id is None
    assert HeartbeatClaim(claim_id="clm_1").epoch is None
    assert RetrySettlement(claim_id="clm_1").reason is None
