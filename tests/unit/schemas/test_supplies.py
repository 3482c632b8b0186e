"""The schemas of supplies."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from schemas.supplies import CreateSupply, Ledger, ListSupplies, Supply, SupplyPage, UpdateSupply
from shared.domain.desk import ledger
from shared.domain.desk.ledger import LedgerEntry
from shared.domain.desk.supplies import reserve, settle
from tests.unit.domain.factories import ETH, NOW, supply


def test_an_answer_is_exactly_the_contracts_shape() -> None:
    row = supply(15 * 10**17, asset=ETH)
    row = settle(reserve(row, 10**18, "ord_1", NOW).supply, 10**17, "txn_1", NOW).supply
    assert json.loads(Supply.of(row).model_dump_json()) == {
        "id": "sup_1",
        "user_id": "usr_owner",
        "wallet_id": "wal_owner",
        "chain": "local",
        "currency": "ETH",
        "amount": "1.5",
        "available": "0.5",
        "reserved": "0.9",
        "settled": "0.1",
        "status": "active",
        "reason": None,
        "expires_at": None,
        "metadata": {},
        "version": 4,
        "created_at": "2030-01-01T12:00:00Z",
        "updated_at": "2030-01-01T12:00:00Z",
    }
    page = SupplyPage(items=[Supply.of(row)], next_cursor=None)
    assert SupplyPage.model_validate_json(page.model_dump_json()) == page


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "1"}, "currency"),
        ({"currency": "ETH"}, "amount"),
        ({"currency": "ETH", "amount": 1}, "amount"),
        ({"currency": "ETH", "amount": "0"}, "amount"),
        ({"currency": "ETH", "amount": "1", "expires_at": 5}, "expires_at"),
        ({"currency": "ETH", "amount": "1", "user_id": "usr_x"}, "user_id"),
        ({"currency": 7, "amount": "1"}, "currency"),
    ],
)
def test_wrong_bodies_name_their_field(body: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CreateSupply.model_validate(body)
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_only_the_owners_states_can_be_asked_for() -> None:
    assert UpdateSupply(supply_id="sup_1", status="paused").amount is None
    for status in ("closed", "pending", "exhausted"):
        with pytest.raises(ValidationError):
            UpdateSupply.model_validate({"supply_id": "sup_1", "status": status})
    with pytest.raises(ValidationError):
        ListSupplies.model_validate({"status": "gone"})


def test_the_ledger_shows_signed_amounts_and_balances_at_a_moment() -> None:
    row = supply(1000)
    held = reserve(row, 300, "ord_1", NOW)
    now = Ledger.of(held.supply, held.entries)
    assert now.balances.model_dump() == {
        "available": "7",
        "reserved": "3",
        "settled": "0",
        "external": "-10",
    }
    assert [(line.verb, line.account, line.amount, line.balance_after) for line in now.items] == [
        ("reserve", "available", "-3", "7"),
        ("reserve", "reserved", "3", "3"),
    ]
    lines: list[LedgerEntry] = []
    past = Ledger.of(held.supply, lines, at=NOW, state=ledger.replay(lines), next_cursor="c")
    assert (past.balances.available, past.next_cursor) == ("0", "c")
    assert json.loads(past.model_dump_json())["at"] == "2030-01-01T12:00:00Z"
