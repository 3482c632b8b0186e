"""Record the calls of several consecutive commits at the ports, and repeat them bare for another wallet (see
`replay`)."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared import resources
from tests.support import replay

_nonces = itertools.count(10**9)


class Steps:
    """The record of several consecutive commits, each with the reads before it."""

    def __init__(self) -> None:
        self.made = [replay.Calls()]

    def __getattr__(self, name: str) -> Any:
        if name == "waves" and self.made[-1].commit:
            self.made.append(replay.Calls())
        return getattr(self.made[-1], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "made":
            object.__setattr__(self, name, value)
            return
        if name == "optimistic" and self.made[-1].commit:
            self.made.append(replay.Calls())
        setattr(self.made[-1], name, value)

    @contextmanager
    def noted(self) -> Iterator[None]:
        database: Any = replay._Database(resources.database(), self)  # type: ignore[arg-type]
        with resources.override(database=database):
            yield

    @property
    def trips(self) -> int:
        return sum(len(step.waves) + len(step.inside) + bool(step.commit) for step in self.made)

    def bare(self, swaps: dict[str, str]) -> list[Callable[[], None]]:
        handle: Any = resources.database().handle  # type: ignore[attr-defined]
        fresh: dict[str, str] = {}
        nonce = next(_nonces)
        return [_step(step, handle, _Swapped(step, fresh, swaps, nonce)) for step in self.made]


class _Swapped(replay._Names):
    """Another wallet's rows, with an unused nonce and unused hashes."""

    def __init__(self, calls: Any, fresh: dict[str, str], swaps: dict[str, str], nonce: int) -> None:
        super().__init__(calls, {})
        self._map, self._kept = fresh, set()
        self._swaps, self._nonce = swaps, nonce

    def text(self, value: str) -> str:
        for one, other in self._swaps.items():
            value = value.replace(one, other)
        value = re.sub(r"0x[0-9a-f]{64}", lambda found: self._hash(found[0]), value)
        return super().text(value)

    def _hash(self, digest: str) -> str:
        return self._map.setdefault(digest, "0x" + secrets.token_hex(32))

    def write(self, write: Any) -> Any:
        made = super().write(write)
        if made.table != "transactions" or "nonce" not in made.columns:
            return made
        at = made.columns.index("nonce")
        if made.values[at] is None:
            return made
        return replay.replace(made, values=(*made.values[:at], self._nonce, *made.values[at + 1 :]))


def _step(step: replay.Calls, handle: Any, names: _Swapped) -> Callable[[], None]:
    waves = [(staleness, [names.read(one) for one in reads]) for staleness, reads in step.waves]
    inside = [[names.read(one) for one in reads] for reads in step.inside]
    buffered = replay.codec.grouped([names.write(one) for one in step.commit])

    def call() -> None:
        for staleness, reads in waves:
            replay.together([replay.snapshot_read(handle, staleness, one) for one in reads])
        if buffered:
            replay.run_commit(handle, inside, buffered, step.optimistic)

    return call
