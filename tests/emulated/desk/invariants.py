"""Check the invariants over all rows of the desk."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from shared.domain.desk import funds, ledger
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS, LEDGER, SUPPLIES
from shared.store.tables.transactions import TRANSACTIONS


def balanced(session: Session) -> None:
    """available + reserved + settled = amount, the ledger sums to zero, and funds rows equal the commitments."""
    supplies, lines, rows = session.read(SUPPLIES.scan(), LEDGER.scan(), FUNDS.scan())
    of: dict[str, list[Any]] = defaultdict(list)
    for line in lines:
        of[line.supply_id].append(line)
    wrong = [problem for supply in supplies for problem in ledger.verify(supply, of[supply.id])]
    assert not wrong, wrong
    assert sum(line.amount for line in lines) == 0
    promised: dict[tuple[str, str], int] = defaultdict(int)
    for supply in supplies:
        promised[supply.address, supply.token_address or ""] += funds.commitment(supply)
    for one in session.many(TRANSACTIONS.scan()):
        if not one.terminal:
            promised[one.from_address, ""] += one.committed_gas
    for row in rows:
        assert row.committed == promised[row.address, row.token_address], row
