"""Check infra/ without a cloud: python -m infra.check

It checks the format, validates against the google provider's schema, and runs the tests of infra/tests with a mocked
provider.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.check import provider, terraform

BEFORE = (
    ("fmt", "-check", "-recursive", "-diff"),
    ("init", "-backend=false", "-input=false", "-no-color"),
    ("validate", "-no-color"),
)
VERSION = "1.9 or later"
AT_ONCE = 2  # a test of the complete catalog uses one core for a quarter of a minute


def main() -> int:
    if shutil.which("terraform") is None:
        sys.stdout.write(f"terraform ({VERSION}) is not installed: infra/ was not checked\n")
        return 0
    with provider.serving(provider.read_schema()) as variables, terraform.copied() as folder:
        return (
            0 if all(_step(folder, variables, *step) for step in BEFORE) and _tests(folder, variables) else 1
        )


def _tests(folder: Path, variables: Mapping[str, str]) -> bool:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(
            lambda test: _step(folder, variables, "test", "-no-color", *test), terraform.TESTS.values()
        )
        return all(list(done))


def _step(folder: Path, variables: Mapping[str, str], *arguments: str) -> bool:
    started = time.monotonic()
    done = terraform.run(folder, variables, *arguments)
    ok = done.returncode == 0
    what = " ".join(word for word in arguments if word != "-no-color")
    state = "ok" if ok else "FAILED"
    sys.stdout.write(
        f"terraform {what}: {state} in {time.monotonic() - started:.1f} s\n{'' if ok else done.stdout}"
    )
    return ok


if __name__ == "__main__":
    sys.exit(main())
