"""Shared parts of the proofs: sizes and the seed from the environment, and figures with their origin."""

from __future__ import annotations

import os

SEED = int(os.environ.get("SEED", "7"))


def size(name: str, quick: int) -> int:
    """The size of a proof: from the environment, otherwise small enough for `make test`."""
    return int(os.environ.get(name, quick))


def figure(what: str, where: str, text: str) -> None:
    """Print a line for `make prove`: `where` is "emulator", "model" or the other place where it ran."""
    print(f"{what} ({where}, seed {SEED}): {text}")
