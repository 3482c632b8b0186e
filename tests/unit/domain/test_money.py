"""Amounts: valid and invalid texts, and formatting as the inverse of parsing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import money
from shared.domain.errors import InvalidValue
from shared.domain.money import AMOUNT_PATTERN, MAX_AMOUNT, format_amount, parse_amount
from tests.unit.domain.factories import NOW

amounts = st.integers(1, MAX_AMOUNT)


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("1.5", 18, 15 * 10**17),
        ("0.000000000000000001", 18, 1),
        ("1.50", 1, 15),
        ("7", 0, 7),
        ("99999999999999999999999999999", 0, MAX_AMOUNT),
        ("0.10000000000000000000000000000", 2, 10),
    ],
)
def test_decimal_strings_are_read_exactly(text: str, decimals: int, units: int) -> None:
    assert parse_amount(text, decimals) == units


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *(
            (text, "decimal number")
            for text in ("", " 1", "1 ", "+1", "1e3", "1E3", "0x1", "NaN", "Infinity")
        ),
        *(
            (text, "decimal number")
            for text in ("01", "1.", ".5", "1,5", "1_000", "١", "1\n", "--1", "1" * 67)
        ),
        *((text, "greater than zero") for text in ("0", "0.00", "-1", "-0.5", "-0")),
        ("0.001", "more than 2 decimals"),
        ("1" + "0" * 27, "ledger can hold"),
    ],
)
def test_other_text_is_refused_naming_the_field(text: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_amount(text, 2, "items.0.price")
    assert refused.value.details[0]["field"] == "items.0.price"
    assert problem in refused.value.details[0]["message"]


@given(amounts, st.integers(0, 36))
def test_writing_and_reading_are_inverse(units: int, decimals: int) -> None:
    text = format_amount(units, decimals)
    assert parse_amount(text, decimals) == units
    assert re.fullmatch(AMOUNT_PATTERN, text)
    assert not ("." in text and text.endswith(("0", ".")))


@given(st.text("0123456789.-+eE \n", max_size=12))
def test_the_published_pattern_lets_through_whatever_can_be_read(text: str) -> None:
    try:
        parse_amount(text, 36)
    except InvalidValue as refused:
        if re.fullmatch(AMOUNT_PATTERN, text):
            assert "ledger can hold" in refused.details[0]["message"]
    else:
        assert re.fullmatch(AMOUNT_PATTERN, text)


def test_nothing_is_written_as_zero_and_debts_keep_their_sign() -> None:
    assert (format_amount(0, 18), format_amount(-15, 1), format_amount(100, 2)) == ("0", "-1.5", "1")


def test_a_bound_and_a_deadline_are_refused_by_name() -> None:
    assert money.bounded(MAX_AMOUNT, "amount") == MAX_AMOUNT
    with pytest.raises(InvalidValue):
        money.bounded(MAX_AMOUNT + 1, "amount")
    assert money.in_future(None, NOW) is None
    assert money.in_future(NOW + timedelta(microseconds=1), NOW)
    with pytest.raises(InvalidValue):
        money.in_future(NOW, NOW)
