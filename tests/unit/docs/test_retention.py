"""The retention of rows: docs/security.md has every table once, and the days of each policy."""

from __future__ import annotations

import re

from schemas.database import ddl
from schemas.database.migration_files import migrations
from tests.unit.docs.pages import ROOT, Page

SECURITY = Page(ROOT / "docs" / "security.md")
SECTION = SECURITY.text.partition("### How long rows are kept\n")[2].partition("\n### ")[0]
ROWS = [line.split("|")[1:-1] for line in SECTION.splitlines() if line.startswith("| `")]
POLICY = re.compile(r"ROW DELETION POLICY \(OLDER_THAN\(\w+, INTERVAL (\d+) DAY\)\)")
BOOKS = {"supplies", "ledger_entries", "orders", "order_items", "allocations", "claims", "payments"}
BOOKS |= {"transactions", "attempts", "audit", "audit_seals", "deposits"}


def tables(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def policies() -> dict[str, str]:
    """Days by table."""
    found = {}
    for migration in migrations():
        for statement in migration.statements:
            if days := POLICY.search(statement):
                found[statement.split()[2]] = days[1]
    return found


def test_each_table_is_listed_once() -> None:
    schema = ddl.Schema.of(each for one in migrations() for each in one.statements)
    listed = [table for row in ROWS for table in tables(row[0])]
    assert sorted(listed) == sorted(schema.tables)


def test_the_days_are_those_of_the_policies() -> None:
    said = {
        table: found[1]
        for row in ROWS
        for table in tables(row[0])
        if (found := re.match(r" (\d+) days?", row[1]))
    }
    assert {table: days for table, days in said.items() if table != "vault_keys"} == policies()


def test_nothing_deletes_the_books() -> None:
    assert not BOOKS & set(policies())
