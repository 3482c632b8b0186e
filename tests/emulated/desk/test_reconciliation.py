"""The reconciliation report: empty if everything agrees, and one named entry for each difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared import resources
from shared.chain.client import ChainClient
from shared.domain.desk.funds import Funds
from shared.domain.desk.ledger import LedgerEntry
from shared.domain.desk.supplies import Supply
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS, LEDGER, SUPPLIES
from tests.emulated.desk.world import Desk


def reconcile(desk: Desk, query: str = "") -> Any:
    return desk.app.ok(200, "GET", f"/reconciliation{query}", user="ops", roles=("operator",))


def test_reconciliation_finds_nothing_where_all_agrees(desk: Desk) -> None:
    shopper, other = desk.shopper(), desk.shopper()
    desk.claimed(other, desk.order(shopper)["id"])
    assert reconcile(desk) == {"supplies": 2, "addresses": 2, "differences": [], "next_cursor": None}
    first = reconcile(desk, "?limit=1")
    assert (first["supplies"], first["differences"]) == (1, [])
    assert reconcile(desk, f"?limit=1&cursor={first['next_cursor']}")["next_cursor"] is None
    assert desk.app.call("GET", "/reconciliation", user=shopper).status == 403


@dataclass(frozen=True)
class Books:
    """The records of one supply of 2 ETH, of which 0.5 are reserved."""

    supply: Supply
    lines: list[LedgerEntry]
    row: Funds


@pytest.fixture
def kept(desk: Desk) -> Books:
    shopper = desk.person()
    desk.wallet(shopper, ether=5)
    supply = desk.supply(shopper, "2")["id"]
    desk.order(shopper, "0.5")
    session = Session(resources.database().snapshot())
    row = session.one(SUPPLIES.get(supply))
    return Books(row, session.many(LEDGER.scan(supply)), session.one(FUNDS.get(row.address, "local", "")))


@contextmanager
def broken(*writes: Write, books: Books) -> Iterator[None]:
    """Write rows that no operation would write; restores everything afterwards."""
    resources.database().write(writes)
    yield
    right = [LEDGER.write("upsert", line) for line in books.lines]
    resources.database().write(
        [SUPPLIES.write("upsert", books.supply), FUNDS.write("upsert", books.row), *right]
    )


def gone(line: LedgerEntry) -> Write:
    return Write("delete", LEDGER.name, LEDGER.key_columns, LEDGER.key_of(line))


LEDGER_PROBLEMS: dict[str, Callable[[Books], list[Write]]] = {
    "do not sum to zero": lambda b: [LEDGER.write("update", replace(b.lines[0], amount=-1))],
    "are missing": lambda b: [gone(b.lines[2])],
    "balance of reserved": lambda b: [LEDGER.write("update", replace(b.lines[3], balance_after=1))],
    "the supply says": lambda b: [gone(b.lines[2]), gone(b.lines[3])],
    "the lines make": lambda b: [
        SUPPLIES.write(
            "update", replace(b.supply, reserved=b.supply.reserved + 1, available=b.supply.available - 1)
        )
    ],
}


@pytest.mark.parametrize("words", LEDGER_PROBLEMS)
def test_a_ledger_that_does_not_make_its_supply(desk: Desk, kept: Books, words: str) -> None:
    with broken(*LEDGER_PROBLEMS[words](kept), books=kept):
        found = reconcile(desk)["differences"]
    assert any(words in one["message"] for one in found), found
    assert {(one["kind"], one["subject"]) for one in found} == {("ledger", kept.supply.id)}
    assert reconcile(desk)["differences"] == []


@pytest.mark.parametrize("change", [7, -7, None])
def test_a_promise_that_is_not_that_of_the_supplies(desk: Desk, kept: Books, change: int | None) -> None:
    """More or less than the supplies commit, or no row at all."""
    row = kept.row
    write = Write("delete", FUNDS.name, FUNDS.key_columns, FUNDS.key_of(row))
    if change is not None:
        write = FUNDS.write("update", replace(row, committed=row.committed + change))
    with broken(write, books=kept):
        (one,) = reconcile(desk)["differences"]
    assert (one["kind"], one["subject"]) == ("funds", f"local:{row.address}:native")
    assert (one["expected"], int(one["found"])) == (str(2 * 10**18), 2 * 10**18 + change if change else 0)


def test_an_address_that_holds_too_little(desk: Desk, kept: Books) -> None:
    desk.fund(kept.row.address, 2)
    assert reconcile(desk)["differences"] == [], "what is committed is there, to the wei"
    desk.rpc("anvil_setBalance", kept.row.address, hex(2 * 10**18 - 1))
    desk.rpc("anvil_mine", "0x3")
    (one,) = reconcile(desk)["differences"]
    assert (one["kind"], one["subject"]) == ("chain", f"local:{kept.row.address}:native")
    assert (one["expected"], one["found"]) == (str(2 * 10**18), str(2 * 10**18 - 1))


def test_a_chain_that_does_not_answer(desk: Desk, kept: Books) -> None:
    silent = ChainClient.connect(resources.registry().chain("local"), ["http://127.0.0.1:9"])
    with resources.override(**{"chain:local": silent}):
        (one,) = reconcile(desk)["differences"]
    assert (one["kind"], one["message"]) == ("chain", "the chain did not answer")


def test_several_differences_are_all_named(desk: Desk, kept: Books) -> None:
    wrong = [
        LEDGER.write("update", replace(kept.lines[0], amount=-1)),
        FUNDS.write("update", replace(kept.row, committed=kept.row.committed + 7)),
    ]
    desk.fund(kept.row.address, 1)
    with broken(*wrong, books=kept):
        found = reconcile(desk)["differences"]
    assert {one["kind"] for one in found} == {"ledger", "funds", "chain"}
