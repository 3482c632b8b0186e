"""Fees: bumps that every node accepts (I4), caps, senders' own fees."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.transactions import fees as rules
from shared.domain.transactions.fees import FeeAboveCap, FeeCapReached, FeeCaps, Fees, InvalidFee

GWEI = 10**9
CAPS = FeeCaps(max_fee_per_gas=500 * GWEI, max_priority_fee_per_gas=100 * GWEI)
wei = st.integers(min_value=0, max_value=10**24)


@st.composite
def fees(draw: st.DrawFn) -> Fees:
    if draw(st.booleans()):
        return Fees(gas_price=draw(wei))
    most = draw(wei)
    return Fees(most, draw(st.integers(0, most)))


@given(wei)
def test_a_bump_is_the_exact_rule_and_above_every_nodes_threshold(old: int) -> None:
    new = rules.bumped(old)
    assert new == ceil(Fraction(9 * old, 8)) + 1
    assert new > ceil(Fraction(11 * old, 10))  # reth rounds 10 % up
    assert new > old * 110 // 100  # geth rounds down


@given(fees())
def test_the_smallest_replacement_replaces_and_one_wei_less_does_not(old: Fees) -> None:
    new = rules.bump(old)
    assert rules.replaces(old, new)
    assert new.kind == old.kind
    if old.kind == "legacy":
        assert not rules.replaces(old, Fees(gas_price=new.per_gas - 1))
    else:
        assert not rules.replaces(old, Fees(new.per_gas, (new.max_priority_fee_per_gas or 0) - 1))
        assert not rules.replaces(old, Fees(new.per_gas - 1, new.max_priority_fee_per_gas))


@given(fees(), fees(), wei, wei)
def test_a_replacement_satisfies_the_rule_and_the_caps_or_is_refused(
    old: Fees, market: Fees, most: int, tip: int
) -> None:
    caps = FeeCaps(most, tip)
    try:
        new = rules.replacement(old, market, caps)
    except FeeCapReached:
        assert not caps.allow(rules.bump(old))
        return
    assert rules.replaces(old, new)
    assert caps.allow(new)
    assert (new.max_priority_fee_per_gas or 0) <= new.per_gas


def test_a_replacement_follows_a_market_that_rose_further() -> None:
    market = Fees(80 * GWEI, 3 * GWEI)
    assert rules.replacement(Fees(20 * GWEI, GWEI), market, CAPS) == market
    assert rules.replacement(Fees(20 * GWEI, GWEI), Fees(900 * GWEI, GWEI), CAPS).per_gas == 500 * GWEI


def test_fee_kinds_do_not_replace_each_other() -> None:
    assert not rules.replaces(Fees(1, 1), Fees(gas_price=10**12))
    assert not rules.replaces(Fees(gas_price=1), Fees(10**12, 10**12))


@given(st.integers(21_000, 2**24), wei)
def test_caps_keep_gas_times_fee_within_what_is_committed(gas: int, committed: int) -> None:
    caps = CAPS.within(gas, committed)
    assert gas * caps.max_fee_per_gas <= max(committed, 0)
    assert caps.max_priority_fee_per_gas <= caps.max_fee_per_gas


@pytest.mark.parametrize(
    ("chosen", "kind", "mixed", "refusal"),
    [
        (Fees(gas_price=1), "eip1559", False, InvalidFee),
        (Fees(2, 1), "legacy", False, InvalidFee),
        (Fees(2, 1), "eip1559", True, InvalidFee),
        (Fees(2, None), "eip1559", False, InvalidFee),
        (Fees(1, 2), "eip1559", False, InvalidFee),
        (Fees(-1, -1), "eip1559", False, InvalidFee),
        (Fees(501 * GWEI, GWEI), "eip1559", False, FeeAboveCap),
        (Fees(500 * GWEI, 101 * GWEI), "eip1559", False, FeeAboveCap),
        (Fees(gas_price=501 * GWEI), "legacy", False, FeeAboveCap),
    ],
)
def test_senders_fees_that_do_not_fit_are_refused(chosen, kind, mixed, refusal) -> None:
    with pytest.raises(refusal):
        rules.check_chosen(chosen, kind, CAPS, mixed=mixed)


def test_senders_fees_that_fit_are_kept() -> None:
    assert rules.check_chosen(Fees(30 * GWEI, 2 * GWEI), "eip1559", CAPS) == Fees(30 * GWEI, 2 * GWEI)
    assert rules.check_chosen(Fees(gas_price=5 * GWEI), "legacy", CAPS) == Fees(gas_price=5 * GWEI)
