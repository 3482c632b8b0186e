"""What a restored database is worth, and how long it takes to know: `python -m shared.ops.restore_drill [--keys]`.

Reads everything of the database that the environment names, and changes nothing: every supply against its ledger and
its address's promises and balance, every seal of the audit log, what the chain has seen and this database has
forgotten; with `--keys`, whether each sealed secret opens. Prints what each step found and took. Run it on a copy
every quarter, and write the times down (docs/operations.md); after a real loss, before anything signs.
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
from shared.domain.permissions import Caller
from shared.ops import after_restore, command_line, export_keys
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store import audit_chain
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from shared.telemetry import logs

PAGE: Final = 200
SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Step:
    """`broken` is wrong in every database; `stale` is what one from the past cannot know."""

    name: str
    seconds: float
    seen: int
    broken: list[str]
    stale: list[str]


Found = tuple[int, list[str], list[str]]


def drill(*, keys: bool) -> list[Step]:
    """Every step, in its order. Raises ChainError where a chain does not answer."""
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
    """Ledgers and promises agree in any database that was restored whole; balances have moved on since."""
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
    secrets = [(export_keys.name_of(one), export_keys.opens(one)) for one in export_keys.sealed_secrets()]
    return len(secrets), [f"{' '.join(name)}: does not open" for name, opened in secrets if not opened], []


def main(arguments: list[str]) -> int:
    """Exit status 1 when something is wrong that no age of a database explains."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.restore_drill")
    parser.add_argument("--keys", action="store_true", help="open every sealed secret as well")
    options: Any = parser.parse_args(arguments)
    logs.configure()
    context = Context("restore_drill", new_id("req"), deadline_in(SECONDS), caller=Caller.of_system())
    with running(context):
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
