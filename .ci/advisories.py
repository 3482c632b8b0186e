"""Check the deployed packages for known vulnerabilities with pip-audit, within a time limit: `advisories.py
[SECONDS]`.

A vulnerability fails the check. If the advisory service does not answer in time, or does not know our packages (a
private index), the check reports that: `make check` then continues, but without SECONDS (`make audit`) it fails.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WAIT_SECONDS = 300.0


class Unanswered(Exception):
    """The service gave no answer; the text contains the reason."""


def ask(requirements: Path, seconds: float) -> list[dict[str, Any]]:
    """pip-audit's findings about a file of pinned, hashed requirements. Raises Unanswered."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--require-hashes",
               "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "3"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise Unanswered("no answer in time") from None
    except (ValueError, KeyError):
        raise Unanswered((done.stderr.strip().splitlines() or ["no answer"])[-1][:200]) from None
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        raise Unanswered(f"the service knows nothing of {len(skipped)} packages, e.g. {skipped[0]}")
    return packages


def probe(seconds: float) -> None:
    """Ask about the first package only. If the service does not answer that, there is no need to ask about the other
    hundred."""
    first = re.search(r"^[\w.-]+==.*(\n +--hash.*)+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert first is not None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(first[0].rstrip("\\ \n") + "\n")
        file.flush()
        ask(Path(file.name), seconds)


def main(arguments: list[str]) -> int:
    until = time.monotonic() + (float(arguments[0]) if arguments else WAIT_SECONDS)
    try:
        probe(min(until - time.monotonic(), 15.0))
        packages = ask(ROOT / "requirements.txt", until - time.monotonic())
    except Unanswered as error:
        sys.stderr.write(f"advisories: not checked: {error} (`make audit` asks again and waits)\n")
        return 0 if arguments else 1
    weak = [
        f"{package['name']} {package['version']}: {weakness['id']}, fixed in {', '.join(weakness['fix_versions'])}"
        for package in packages
        for weakness in package["vulns"]
    ]
    sys.stderr.write("".join(f"advisories: {line}\n" for line in weak))
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
