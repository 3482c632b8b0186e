"""T0: accepted transactions, refusals before anything is reserved, and intrinsic gas."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import InvalidValue
from shared.domain.transactions import acceptance, schedule
from shared.domain.transactions.acceptance import DataTooLarge, GasTooLow, Intent, PaymentOf
from shared.domain.transactions.fees import Fees

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = "0x" + "a1" * 20
TARGET = "0x" + "b2" * 20
KEYS = json.dumps([{"address": SENDER, "storageKeys": ["0x" + "00" * 32] * 4_000}])
HALF = json.dumps([{"address": SENDER, "storageKeys": ["0x" + "00" * 32] * 1_000}])
INTENT = Intent("wal_1", "usr_1", "local", SENDER, TARGET, value=5)


def accept(intent: Intent, **more):
    more = {"committed_value": intent.value, "committed_gas": 10**15, **more}
    return acceptance.accept(intent, "txn_1", "usr_1", "key", NOW, **more)


def test_an_accepted_transaction_has_no_nonce_and_is_found_by_its_lane() -> None:
    transaction = accept(INTENT)
    assert (transaction.state, transaction.status, transaction.nonce) == ("accepted", "queued", None)
    assert transaction.next_action_at == NOW + schedule.QUEUED_WAIT
    soon = NOW + timedelta(seconds=9)
    assert accept(replace(INTENT, deadline=soon)).next_action_at == soon
    assert transaction.lane_id == f"local:{SENDER}"
    assert (transaction.version, transaction.attempt_count, transaction.finalized) == (1, 0, False)
    assert transaction.chosen_fees is None
    assert transaction.speed == "average"


def test_senders_fees_are_kept_and_replace_the_speed() -> None:
    transaction = accept(replace(INTENT, fees=Fees(9, 2)))
    assert transaction.chosen_fees == Fees(9, 2)
    assert transaction.speed is None


def test_a_payment_carries_its_allocation() -> None:
    payment = PaymentOf("clm_1", "alc_1", 2)
    transaction = acceptance.accept(
        INTENT,
        "txn_1",
        "settlement",
        payment.idem_key,
        NOW,
        committed_value=0,
        committed_gas=0,
        payment=payment,
    )
    assert transaction.is_payment
    assert transaction.idem_key == "settle:clm_1:alc_1:2"
    assert (transaction.claim_id, transaction.allocation_id, transaction.round) == ("clm_1", "alc_1", 2)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"value": -1}, InvalidValue),
        ({"value": 2**256}, InvalidValue),
        ({"to": None}, InvalidValue),
        ({"gas": 20_999}, GasTooLow),
        ({"gas": 2**24 + 1}, InvalidValue),
        ({"data": b"\1", "gas": 21_015}, GasTooLow),
        ({"data": bytes(128 * 1024), "gas": 2**24}, DataTooLarge),
        ({"to": None, "data": bytes(49_153), "gas": 2**24}, DataTooLarge),
        ({"access_list": KEYS, "gas": 2**24}, DataTooLarge),
        ({"data": bytes(100_000), "access_list": HALF, "gas": 2**24}, DataTooLarge),
        ({"deadline": NOW}, InvalidValue),
        ({"token_address": SENDER}, InvalidValue),
        ({"token_address": TARGET}, InvalidValue),  # together with a value
    ],
)
def test_what_cannot_be_mined_is_refused(change, refusal) -> None:
    with pytest.raises(refusal):
        accept(replace(INTENT, **change))


def test_creation_is_accepted_with_code() -> None:
    assert accept(replace(INTENT, to=None, data=b"\x60", gas=100_000)).to is None


@pytest.mark.parametrize(
    ("data", "creates", "access_list", "gas"),
    [
        (b"", False, None, 21_000),
        (b"\0", False, None, 21_010),  # EIP-7623 floor: 10 per token
        (b"\1", False, None, 21_040),
        (b"\1" * 100, False, None, 25_000),
        (b"\1", True, None, 21_000 + 32_000 + 16 + 2),
        (b"", False, [{"address": TARGET, "storageKeys": ["0x0", "0x1"]}], 21_000 + 2_400 + 3_800),
    ],
)
def test_intrinsic_gas(data, creates, access_list, gas) -> None:
    text = json.dumps(access_list) if access_list else None
    assert acceptance.intrinsic_gas(data, creates=creates, access_list=text) == gas


def test_a_fill_is_a_noop_to_itself_that_only_one_sweeper_can_insert() -> None:
    filled = acceptance.fill("wal_1", "usr_1", "local", SENDER, nonce=7, transaction_id="txn_9", now=NOW)
    assert (filled.kind, filled.state, filled.nonce, filled.to, filled.value) == (
        "noop",
        "nonced",
        7,
        SENDER,
        0,
    )
    assert (filled.tenant, filled.idem_key) == ("engine", f"fill:local:{SENDER}:7")


def test_a_deadline_in_the_future_is_kept() -> None:
    later = NOW + timedelta(minutes=1)
    assert accept(replace(INTENT, deadline=later)).deadline == later
