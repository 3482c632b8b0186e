"""Run the long proofs one after the other, each with its own emulators; they print their figures.

python -m tests.faults [race|idempotency|inbox|histories|transfers] …
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A file of proofs and the sizes that make it long."""

    path: str
    sizes: dict[str, str] = field(default_factory=dict)


PARTS = {
    "race": Part("tests/emulated/desk/test_race.py", {"RIVALS": "10000", "THREADS": "256"}),
    "idempotency": Part("tests/emulated/core/test_idempotency.py", {"KEYS": "5000", "MODEL_KEYS": "100000"}),
    "inbox": Part("tests/emulated/core/test_inbox.py", {"EVENTS": "14000", "MODEL_EVENTS": "700000"}),
    "histories": Part("tests/unit/engine/test_histories.py", {"SEEDS": "10000"}),
    "transfers": Part("tests/emulated/engine/test_volume.py", {"TRANSFERS": "5000"}),
}


def main(names: list[str]) -> int:
    """The number of proofs that failed; 2 for an unknown name."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.stderr.write(f"unknown: {' '.join(unknown)}; there are: {' '.join(PARTS)}\n")
        return 2
    failed = 0
    for name in names or PARTS:
        part = PARTS[name]
        sizes = " ".join(f"{key}={value}" for key, value in part.sizes.items())
        sys.stdout.write(f"\n== {name}: {sizes} pytest {part.path}\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "1500", part.path]
        failed += subprocess.run(command, env=os.environ | part.sizes, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
