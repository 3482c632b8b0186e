"""The transactions that count as a row's payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import InvalidState
from shared.domain.transactions import acceptance, forgotten
from shared.domain.transactions.acceptance import Intent, PaymentOf
from shared.domain.transactions.evidence import TRANSFER_TOPIC, Log, Receipt
from shared.domain.transactions.forgotten import Found
from shared.domain.transactions.outcome import NotEvidence
from shared.domain.transactions.transactions import SETTLEMENT_TENANT, Transaction

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER, TARGET, TOKEN, OTHER = ("0x" + digit * 20 for digit in ("a1", "b2", "c3", "d4"))


def payment(*, token: bool) -> Transaction:
    of = PaymentOf("clm_1", "alc_1", 1)
    intent = Intent("wal_1", "usr_1", "local", SENDER, TARGET, value=70)
    if token:
        intent = replace(
            intent,
            to=TOKEN,
            value=0,
            token_address=TOKEN,
            token_recipient=TARGET,
            token_amount=70,
            gas=60_000,
        )
    return acceptance.accept(
        intent, "txn_1", SETTLEMENT_TENANT, of.idem_key, NOW, committed_value=0, committed_gas=0, payment=of
    )


def transfer(recipient: str = TARGET, amount: int = 70, token: str = TOKEN) -> Log:
    topics = (TRANSFER_TOPIC, *("0x" + "0" * 24 + one[2:] for one in (SENDER, recipient)))
    return Log(token, topics, f"0x{amount:064x}", 0)


def found(*, logs: tuple[Log, ...] = (), success: bool = True, block: int = 9, **other: Any) -> Found:
    receipt = Receipt("0x" + "1" * 64, "0x" + "2" * 64, block, success, 21_000, 10, None, logs)
    return replace(Found("local", SENDER, 4, TARGET, 70, receipt, NOW, 9), **other)


def test_a_payment_of_the_native_coin_is_recorded_as_final() -> None:
    row = payment(token=False)
    forgotten.check(found(), row, NOW)
    done, attempt = forgotten.recorded(row, found(), 4, NOW, 1.0)
    assert (done.state, done.nonce, done.finalized, done.next_action_at) == ("confirmed", 4, True, None)
    assert (attempt.k, attempt.hash, attempt.raw) == (1, done.hash, b"")


def test_a_payment_in_a_token_is_proven_by_its_transfer() -> None:
    forgotten.check(found(to=TOKEN, value=0, logs=(transfer(),)), payment(token=True), NOW)


@pytest.mark.parametrize(
    "other",
    [
        found(from_address=OTHER),
        found(chain="sepolia"),
        found(to=OTHER),
        found(to=None),
        found(value=69),
        found(value=71),
        found(success=False),
        found(block=10),
        found(mined_at=NOW - timedelta(seconds=1)),
    ],
)
def test_what_differs_is_no_evidence(other: Found) -> None:
    with pytest.raises(NotEvidence):
        forgotten.check(other, payment(token=False), NOW)


@pytest.mark.parametrize(
    "logs", [(), (transfer(OTHER),), (transfer(amount=69),), (transfer(token=OTHER),)], ids=str
)
def test_another_transfer_is_no_evidence(logs: tuple[Log, ...]) -> None:
    with pytest.raises(NotEvidence):
        forgotten.check(found(to=TOKEN, value=0, logs=logs), payment(token=True), NOW)


def test_what_has_a_nonce_here_is_left_to_the_engine() -> None:
    nonced = payment(token=False).moved("allocate", "nonced", NOW, nonce=4)
    with pytest.raises(InvalidState):
        forgotten.recorded(nonced, found(), 4, NOW, 1.0)
