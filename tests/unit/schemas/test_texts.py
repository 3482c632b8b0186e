"""Texts for other readers: they look exactly like what was written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.claims import RejectClaim
from schemas.orders import NewItem
from schemas.transactions import DeclineTransaction
from schemas.wallets import CreateWallet


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u2028", "\u2029", "\x85", "\x9b"])
def test_what_misleads_the_eye_is_refused(sign: str) -> None:
    text = f"pay{sign}me"
    for model, fields in (
        (CreateWallet, {"name": text}),
        (NewItem, {"product_id": "p", "product_name": text, "price": "1", "quantity": 1}),
        (RejectClaim, {"claim_id": "clm_1", "reason": text}),
        (DeclineTransaction, {"transaction_id": "txn_1", "reason": text}),
        (CreateWallet, {"name": "mine", "metadata": {"note": text}}),
    ):
        with pytest.raises(ValidationError):
            model.model_validate(fields)


@pytest.mark.parametrize(
    "text",
    ["café ✓", "\u200f\u05e9\u05dc\u05d5\u05dd 12", "\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f467"],
)
def test_the_marks_of_scripts_and_signs_are_not(text: str) -> None:
    assert CreateWallet.model_validate({"name": text}).name == text
