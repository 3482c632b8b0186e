"""Check what a restored database is worth, and how long that takes: `python -m shared.ops.restore_drill [--keys]`.

This reads the whole database that the environment names, and changes nothing. It checks every supply against its
ledger and its address's commitments and balance, every seal of the audit log, and what the chain knows and this
database has forgotten; with `--keys`, also whether each sealed secret opens. It prints the findings and the duration
of each step. Run it on a copy every quarter and record the times (docs/operations.md); after a real loss, run it
before anything signs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from schemas.reconciliation import Difference
from shared import resources
from shared.desk import reconciliation
from shared.ops import after_restore, command_line, sealed_secrets
from shared.store import audit_chain
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from shared.telemetry import logs

PAGE: Final = 200
SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a step. `broken` is wrong in every database; `stale` is expected in a database from the past."""

    name: str
    seconds: float
    seen: int
    broken: list[str]
    stale: list[str]


Found = tuple[int, list[str], list[str]]


def drill(*, keys: bool) -> list[Step]:
    """Run every step in order. Raises ChainError if a chain does not answer."""
    steps: dict[str, Callable[[], Found]] = {"books": _books, "audit": _audit, "chain": _chain}
    if keys:
        steps["keys"] = _keys
    found = []
    for name, step in steps.items():
        began = time.monotonic()
        seen, broken, stale = step()
        found.append(Step(name, time.monotonic() - began, seen, broken, stale))
    return found


def _books() -> Found:
    """Check the books. Ledgers and commitments agree in any completely restored database; balances may have changed
    since."""
    session = Session(resources.database().snapshot(consistent=True))
    seen, differences, after = 0, list[Difference](), None
    while page := session.many(SUPPLIES.scan(after=after, limit=PAGE)):
        seen += len(page)
        differences += reconciliation.ledgers(session, page)
        differences += reconciliation.addresses(session, sorted({(row.address, row.chain) for row in page}))
        after = SUPPLIES.key_of(page[-1])
    broken = [f"{one.subject}: {one.message}" for one in differences if one.kind != "chain"]
    return seen, broken, [f"{one.subject}: {one.message}" for one in differences if one.kind == "chain"]


def _audit() -> Found:
    until, problems = audit_chain.verify(Session(resources.database().snapshot()))
    return int(until is not None), problems, []


def _chain() -> Found:
    forgotten = after_restore.look()
    return (
        len(forgotten),
        [],
        [f"{one.lane}: {one.sent} sent, {one.known} known" for one in forgotten],
    )


def _keys() -> Found:
    secrets = [(one.place, one.opens()) for one in sealed_secrets.every()]
    return len(secrets), [f"{' '.join(place)}: does not open" for place, opened in secrets if not opened], []


def main(arguments: list[str]) -> int:
    """Run the drill; returns 1 if something is wrong that the age of the database does not explain."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.restore_drill")
    parser.add_argument("--keys", action="store_true", help="open every sealed secret as well")
    options: Any = parser.parse_args(arguments)
    logs.configure()
    with command_line.as_system("restore_drill", SECONDS):
        steps = drill(keys=options.keys)
    for step in steps:
        counts = f"{step.seen} seen, {len(step.broken)} broken, {len(step.stale)} of the past"
        sys.stdout.write(f"{step.name:8} {step.seconds:8.1f} s  {counts}\n")
        sys.stdout.writelines(f"  BROKEN {line}\n" for line in step.broken)
        sys.stdout.writelines(f"  of the past: {line}\n" for line in step.stale)
    sys.stdout.write(f"{'all':8} {sum(step.seconds for step in steps):8.1f} s\n")
    return int(any(step.broken for step in steps))


if __name__ == "__main__":
    sys.exit(command_line.run(main))
