"""The shared field types: their valid values, and that no value passes as another type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas import base
from schemas.base import ListQuery, Request
from schemas.base import given as sent
from shared.domain.errors import InvalidValue
from shared.domain.money import parse_amount

VALUES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "limit": (
        base.Limit,
        [1, 100, "7"],
        [0, 101, -1, 1.0, "1.0", " 1", "+1", "", True, None, "9999999999", "١"],
    ),
    "count": (base.Count, [1], ["1", 1.0, True, None]),
    "flag": (base.Flag, [True], ["true", 1, 0]),
    "query flag": (base.QueryFlag, [True, "true", "false"], ["1", "True", 1, "yes"]),
    "id": (base.Id, ["ord_1", "a-B"], ["", "a b", "ü", "a" * 65, "a/b", 1, "a\n"]),
    "name": (base.Name, ["x", "Größe 😀"], ["", "a\x00b", "a\nb", "a" * 129, "\ud800", 1]),
    "prose": (base.Prose, ["", "a\n\tb"], ["a\x00", "\x1b[0m", "a" * 2001]),
    "reason": (base.Reason, ["late"], ["", "\x07"]),
    "chain": (base.ChainName, ["local", "base-sepolia"], ["", "a b", "a" * 33]),
    "currency": (base.Currency, ["ETH", "USDC.e", "0x" + "a" * 40], ["", "0x zz", "a" * 33, "ETH\n"]),
    "address": (base.Address, ["0x" + "aB" * 20], ["0x", "ab" * 20, "0x" + "g" * 40]),
    "amount": (
        base.AmountText,
        ["1.5", "0.01", "1.50"],
        ["0", "0.0", "-1", "1e3", "01", ".5", "1.", 1, 1.5, None],
    ),
    "instant": (
        base.Instant,
        ["2030-01-01T00:00:00Z", "2030-01-01t00:00:00.123456789+05:30", datetime(2030, 1, 1, tzinfo=UTC)],
        [
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01 00:00:00Z",
            1893456000,
            "1",
            "2030-02-30T00:00:00Z",
        ],
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_each_type_takes_its_own_and_nothing_else(name: str) -> None:
    kind, good, bad = VALUES[name]
    adapter = TypeAdapter(kind)
    for value in good:
        adapter.validate_python(value)
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_times_that_would_overflow_somewhere_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="year from 1970"):
        TypeAdapter(base.Instant).validate_python(text)


def test_times_are_kept_and_written_in_utc() -> None:
    adapter = TypeAdapter(base.Instant)
    moment = adapter.validate_python("2030-01-01T02:00:00+02:00")
    assert moment == datetime(2030, 1, 1, tzinfo=UTC)
    assert adapter.dump_json(moment) == b'"2030-01-01T00:00:00Z"'
    elsewhere = datetime(2030, 1, 1, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert adapter.dump_json(elsewhere) == b'"2030-01-01T00:00:00.000005Z"'


@given(st.text("0123456789.", min_size=1, max_size=40))
def test_an_amount_that_passes_the_border_is_one_that_the_ledger_reads(text: str) -> None:
    try:
        TypeAdapter(base.AmountText).validate_python(text)
    except ValidationError:
        with pytest.raises(InvalidValue):
            parse_amount(text, 36)
        return
    try:
        assert parse_amount(text, 36) > 0
    except InvalidValue as refused:
        assert "ledger can hold" in refused.details[0]["message"]


class Partial(Request):
    note: str | None = None
    other: str | None = None


def test_unknown_fields_are_refused_and_values_never_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        Partial.model_validate({"note": 5, "secret": "hunter2"})
    assert "hunter2" not in str(refused.value)
    assert {error["loc"] for error in refused.value.errors()} == {("note",), ("secret",)}


def test_null_is_a_value_and_absence_is_not() -> None:
    assert sent(Partial.model_validate({"note": None}), "note", "other") == {"note": None}
    assert sent(Partial(), "note", "other") == {}


def test_lists_have_defaults_and_bounds_in_their_schema() -> None:
    assert (ListQuery().limit, ListQuery().cursor) == (50, None)
    assert ListQuery.model_json_schema()["properties"]["limit"] == {
        "default": 50,
        "maximum": 100,
        "minimum": 1,
        "title": "Limit",
        "type": "integer",
    }
