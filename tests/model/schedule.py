"""A scheduler: actors are generators that yield wherever others may run; one random generator chooses the next."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from random import Random

Actor = Generator[None, None, None]


def interleave(actors: Sequence[Actor], rng: Random) -> None:
    """Run all actors to their ends, one step at a time."""
    left = list(actors)
    while left:
        place = rng.randrange(len(left))
        try:
            next(left[place])
        except StopIteration:
            del left[place]
