"""Double entry: two lines per movement, and a verifier that finds every forgery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.desk import supplies
from shared.domain.desk.ledger import FLOWS, BrokenLedger, LedgerEntry, Verb, entries, replay, verify
from shared.domain.desk.supplies import Supply, reserve, settle
from tests.unit.domain.factories import COIN, MINUTE, NOW, OWNER, supply


def history() -> tuple[Supply, list[LedgerEntry]]:
    """A supply of 10.00 that reserved 3.00 and settled it."""
    made = supplies.create(
        supply_id="sup_1",
        user_id=OWNER,
        wallet_id="wal_1",
        address="0xOwner",
        asset=COIN,
        amount=1000,
        expires_at=None,
        now=NOW,
    )
    held = reserve(supplies.activate(made.supply, NOW), 300, "ord_1", NOW + MINUTE)
    paid = settle(held.supply, 300, "txn_1", NOW + 2 * MINUTE)
    return paid.supply, [*made.entries, *held.entries, *paid.entries]


def test_a_movement_is_two_lines_that_sum_to_zero_and_carry_the_balance() -> None:
    after, lines = history()
    assert [(e.supply_version, e.ord, e.verb, e.account, e.amount, e.balance_after) for e in lines] == [
        (1, 0, "fund", "external", -1000, -1000),
        (1, 1, "fund", "available", 1000, 1000),
        (3, 0, "reserve", "available", -300, 700),
        (3, 1, "reserve", "reserved", 300, 300),
        (4, 0, "settle", "reserved", -300, 0),
        (4, 1, "settle", "settled", 300, 300),
    ]
    assert [e.reference for e in lines] == [None, None, "ord_1", "ord_1", "txn_1", "txn_1"]
    assert verify(after, lines) == []


def test_balances_at_a_moment() -> None:
    _, lines = history()
    assert replay(lines, NOW) == {"available": 1000, "reserved": 0, "settled": 0, "external": -1000}
    assert replay(lines, NOW + MINUTE)["reserved"] == 300
    assert replay(lines) == {"available": 700, "reserved": 0, "settled": 300, "external": -1000}
    assert not any(replay(lines, NOW - MINUTE).values())


def test_a_moment_includes_what_happened_at_it_and_nothing_later() -> None:
    _, lines = history()
    instant = timedelta(microseconds=1)
    moments = (NOW, NOW + MINUTE, NOW + 2 * MINUTE)
    states = [
        {"available": 0, "reserved": 0, "settled": 0, "external": 0},
        {"available": 1000, "reserved": 0, "settled": 0, "external": -1000},
        {"available": 700, "reserved": 300, "settled": 0, "external": -1000},
        {"available": 700, "reserved": 0, "settled": 300, "external": -1000},
    ]
    for number, moment in enumerate(moments):
        assert replay(lines, moment - instant) == states[number]
        assert replay(lines, moment) == replay(lines, moment + instant) == states[number + 1]


@pytest.mark.parametrize("verb", sorted(FLOWS))
def test_rows_that_are_not_the_transfer_are_a_defect(verb: Verb) -> None:
    before = supply()
    source, target = FLOWS[verb]
    for after in (
        replace(before, version=3),  # nothing moved
        replace(before, version=3, available=before.available + 1),  # money from nowhere
        replace(before, version=3, settled=5, reserved=5, available=990, status="active"),  # two movements
    ):
        with pytest.raises(BrokenLedger):
            entries(before, after, verb, None, NOW)
    assert source != target


def test_a_skipped_version_or_a_negative_balance_is_a_defect() -> None:
    before = supply()
    after = replace(before, available=700, reserved=300)
    with pytest.raises(BrokenLedger):
        entries(before, replace(after, version=before.version + 2), "reserve", None, NOW)
    with pytest.raises(BrokenLedger):
        supplies.move(before, "reserve", 1001, None, NOW)
    with pytest.raises(BrokenLedger):
        supplies.move(before, "reserve", -1, None, NOW)


def test_the_verifier_names_every_kind_of_difference() -> None:
    after, lines = history()
    first, *rest = lines
    forged = replace(lines[2], amount=-299)
    cases = {
        "do not sum to zero": [*lines[:2], forged, *lines[3:]],
        "are missing": rest,
        "balance of external": [replace(first, balance_after=-999), *rest],
        "newer than the supply": [
            *lines,
            replace(lines[-2], supply_version=9),
            replace(lines[-1], supply_version=9),
        ],
        "is negative": lines[2:],
        "the supply says": lines[:4],
    }
    for words, broken in cases.items():
        assert any(words in found for found in verify(after, broken)), words
    assert any("do not make the amount" in found for found in verify(replace(after, amount=1), lines))
