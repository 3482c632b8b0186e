"""What the proofs have in common: sizes and the seed from the environment, and figures that say where they are from."""

from __future__ import annotations

import os

SEED = int(os.environ.get("SEED", "7"))


def size(name: str, quick: int) -> int:
    """How much of it: the environment's, else what `make test` has time for."""
    return int(os.environ.get(name, quick))


def figure(what: str, where: str, text: str) -> None:
    """One line for `make prove`: `where` is "emulator", "model" or what else it ran on."""
    print(f"{what} ({where}, seed {SEED}): {text}")
