"""Verify or export the audit log: `python -m shared.ops.audit verify | export`."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from shared import resources
from shared.ops import command_line
from shared.store.audit_chain import exported, verify
from shared.store.session import Session


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.ops.audit")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("verify", help="recompute every seal; exits 1 when something was changed")
    export = commands.add_parser("export", help="write rows as NDJSON")
    now = datetime.now(UTC)
    export.add_argument("--from", dest="since", type=_moment, default=now - timedelta(days=1))
    export.add_argument("--to", dest="until", type=_moment, default=now)
    options: Any = parser.parse_args(arguments)
    session = Session(resources.database().snapshot())
    if options.command == "export":
        for text in exported(session, options.since, options.until):
            sys.stdout.write(text + "\n")
        return 0
    until, problems = verify(session)
    sealed = until.isoformat(timespec="seconds") if until else "not yet"
    sys.stdout.write(
        f"every shard is sealed up to: {sealed} (a shard without new rows is sealed each hour)\n"
    )
    sys.stdout.writelines(f"{problem}\n" for problem in problems or ["nothing was changed"])
    return 1 if problems else 0


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(command_line.run(main))
