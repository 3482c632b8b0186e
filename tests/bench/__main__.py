"""Run the benchmarks one after the other, each with emulators of its own: they slow down with every call served.

    python -m tests.bench [name] …        a name is a module of tests/bench with `run(bench: Bench)`

Each prints its figures; what runs slower than it may is said, and the exit status counts the benchmarks with such.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

from tests.support.bench import product

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(names: list[str]) -> int:
    """The number of benchmarks that missed a limit or failed; 2 for an unknown name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"unknown: {' '.join(unknown)}; there are: {' '.join(NAMES)}\n")
        return 2
    if len(names) == 1:
        return _here(names[0])
    command = [sys.executable, "-m", "tests.bench"]
    return sum(subprocess.run([*command, name], check=False).returncode != 0 for name in names or NAMES)


def _here(name: str) -> int:
    module = importlib.import_module(f"tests.bench.{name}")
    run, world = module.run, getattr(module, "product", product)
    print(f"\n== {name}", flush=True)
    with world(name) as bench:
        run(bench)
    for slow in bench.missed:
        print(f"  too slow: {slow}")
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
