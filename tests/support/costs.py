"""Count the calls to nodes and to Spanner of a piece of work, and show where its time goes."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.chain.rpc import RpcClient


@contextmanager
def exchanges() -> Iterator[list[Any]]:
    """Record the bodies of all exchanges with nodes."""
    bodies: list[Any] = []
    real = RpcClient.exchange

    def noting(self: RpcClient, body: Any, timeout: float | None) -> Any:
        bodies.append(body)
        return real(self, body, timeout)

    RpcClient.exchange = noting  # type: ignore[method-assign]
    try:
        yield bodies
    finally:
        RpcClient.exchange = real  # type: ignore[method-assign]


def counted(work: Callable[[], None]) -> Counter[str]:
    """Count calls to nodes and round trips to Spanner."""
    from shared.store.spanner import interceptor as spanner

    found: Counter[str] = Counter()
    real = spanner.count_call

    def count(method: str) -> None:
        found[f"Spanner {method}"] += 1
        real(method)

    spanner.count_call = count
    try:
        with exchanges() as bodies:
            work()
    finally:
        spanner.count_call = real
    for body in bodies:
        found["RPC calls"] += len(body) if isinstance(body, list) else 1
        found["RPC exchanges"] += 1
    return found


def shares(what: str, work: Callable[[], Any]) -> None:
    """The five functions with the most own time on this thread, as shares."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    stats = pstats.Stats(profile)
    rows = sorted(stats.stats.items(), key=lambda row: -row[1][2])[:5]  # type: ignore[attr-defined]
    parts = [
        f"{name} {100 * own / stats.total_tt:.0f} %"  # type: ignore[attr-defined]
        for (_, _, name), (_, _, own, _, _) in rows
    ]
    print(f"  {what}, a profile: {'; '.join(parts)}", flush=True)
