"""Check infra/ without a cloud: python -m infra.check

Format, validity against the google provider's schema, and the tests of infra/tests with the provider mocked.
"""

from __future__ import annotations

import shutil
import sys
import time

from infra.check import provider, terraform

STEPS = (
    ("fmt", "-check", "-recursive", "-diff"),
    ("init", "-backend=false", "-input=false", "-no-color"),
    ("validate", "-no-color"),
    ("test", "-no-color"),
)
TERRAFORM = "1.9"


def main() -> int:
    if shutil.which("terraform") is None:
        sys.stdout.write(f"terraform (≥ {TERRAFORM}) is not installed: infra/ was not checked\n")
        return 0
    with provider.serving(provider.read_schema()) as variables, terraform.copied() as folder:
        for step in STEPS:
            started = time.monotonic()
            done = terraform.run(folder, variables, *step)
            ok = done.returncode == 0
            sys.stdout.write(
                f"terraform {step[0]}: {'ok' if ok else 'FAILED'} in {time.monotonic() - started:.1f} s\n"
            )
            if not ok:
                sys.stdout.write(done.stdout)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
