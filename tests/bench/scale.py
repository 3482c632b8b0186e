"""The engine at scale, in simulated time: its own code over a store, nodes and a clock with modelled latencies.

READ_SECONDS (0.005), NODE_SECONDS (0.030) and COMMITS (0.010 0.100) set the duration of round trips; SCALE (1) makes
everything smaller. With the slowest commit and the numbers of processes in HOUR (1), transactions come at a constant
rate for SECONDS (3600), otherwise for two minutes with finality after one. Processor time is printed separately and is
not part of the simulated time. Writes are rows, from the signature on.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from shared.domain.transactions import lanes
from shared.domain.transactions.transactions import Attempt
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS
from tests.support.bench import Bench
from tests.support.modelled import FINAL_SECONDS, START, Scale
from tests.support.modelled_store import FINAL, WINDOW
from tests.support.modelled_watch import Watch, memory

COMMITS = [float(one) for one in os.environ.get("COMMITS", "0.010 0.100").split()]
MEMORY = os.environ.get("MEMORY") == "1"  # slows the benchmark down
SIZE = float(os.environ.get("SCALE", "1"))
INSTANCES = [int(one) for one in os.environ.get("INSTANCES", "1 2 4").split()]
PARTS = os.environ.get("SCENARIOS", "inflight waiting rate").split()
SECONDS = float(os.environ.get("SECONDS", "3600"))
HOUR = [int(one) for one in os.environ.get("HOUR", "1").split()]
SHORT = 120.0  # seconds
LANES_BUSY, ROOM, BLOCKS = 625, 16, 600


@contextlib.contextmanager
def product(name: str) -> Iterator[Bench]:
    """Start no services: store, nodes and clock are simulated."""
    yield Bench()


def run(bench: Bench) -> None:
    logging.disable(logging.WARNING)
    gc.set_threshold(100_000, 50, 100)  # hundreds of thousands of rows would be looked through all the time
    for commit in COMMITS:
        for part in PARTS:
            globals()[part](bench, commit)


def _told(bench: Bench, what: str, scale: Scale, began: float, **figures: tuple[float, str]) -> None:
    counts = scale.time.counts
    what = f"{what}, commit {scale.latencies.commit * 1e3:.0f} ms"
    for name, (value, unit) in figures.items():
        bench.figure(f"{what}, {name.replace('_', ' ')}", value, unit)
    trips = ", ".join(f"{counts[one]:,} {one}s" for one in ("read", "commit", "exchange"))
    written = ", ".join(f"{rows:,} {table}" for table, rows in scale.store.written.most_common())
    print(
        f"    {trips}, {counts['calls']:,} calls to nodes, {counts['rows']:,} rows read; written: {written}; "
        f"{time.process_time() - began:.0f} s of processor, {memory():.0f} MiB",
        flush=True,
    )


def _written(scale: Scale, total: int) -> dict[str, tuple[float, str]]:
    """Writes and commits for each of the transactions."""
    rows, total = scale.store.written, max(1, total)
    return {
        "writes_of_each": (rows["transactions"] / total, ""),
        "rows_for_each_in_all_tables": (rows.total() / total, ""),
        "commits_for_each": (scale.time.counts["commit"] / total, ""),
    }


def inflight(bench: Bench, commit: float) -> None:
    """10,000 transactions in flight over 625 lanes, and as many waiting behind them: mined and confirmed, and the lanes
    filled again."""
    for instances in INSTANCES:
        busy = max(4, int(LANES_BUSY * SIZE))
        scale = Scale("base", commit=commit)
        with scale.open():
            began = time.process_time()
            scale.add_wallets(busy)
            for wallet in scale.wallets:
                scale.accept(wallet, 2 * ROOM)
            total = 2 * ROOM * busy
            sent = _until(scale, instances, "submitted", total // 2)
            over = _until(scale, instances, "confirmed", total)
            _told(
                bench, f"{total // 2:,} in flight over {busy} lanes and {total // 2:,} behind, {instances} at work",
                scale, began, first_half_sent=(sent, "s"), all_confirmed=(over, "s"),
                longest_pass=(max(scale.passes), "s"), **_written(scale, total),
            )  # fmt: skip


def _until(scale: Scale, instances: int, state: str, number: int) -> float:
    return scale.drive(instances, lambda: scale.lives.reached[state] >= number, limit=7_200)


def waiting(bench: Bench, commit: float) -> None:
    """Many transactions that wait for finality, which stands still and then comes for all of them at once."""
    for number in (1_000, 10_000, 60_000, 100_000):
        _waiting(bench, Scale("base", commit=commit), int(number * SIZE))


def _waiting(bench: Bench, scale: Scale, rows: int) -> None:
    with scale.open():
        began = time.process_time()
        _confirmed(scale, rows)
        scale.node.final_at = 0
        before = scale.time.counts["rows"]
        if MEMORY:
            tracemalloc.start()
        _passes(scale, 30)
        still = sum(scale.passes[1:]) / len(scale.passes[1:])
        writes, first = scale.store.written["transactions"], scale.passes[0]
        read = (scale.time.counts["rows"] - before) / 30
        scale.node.final_at = len(scale.node.blocks) - 1
        jump = scale.drive(1, lambda: not scale.lives.now["confirmed"], limit=36_000)
        _, peak = tracemalloc.get_traced_memory() if MEMORY else (0, 0)
        tracemalloc.stop()
        _told(
            bench, f"{rows:,} wait for finality in {BLOCKS} blocks", scale, began, first_pass=(first, "s"),
            later_passes=(still, "s"), rows_that_a_pass_reads=(read, ""), rewritten_meanwhile=(writes, ""),
            all_final=(jump, "s"), **({"most_memory": (peak / 2**20, "MiB")} if MEMORY else {}),
        )  # fmt: skip


def _passes(scale: Scale, number: int) -> None:
    left = [number]

    def done() -> bool:
        left[0] -= 1
        return left[0] < 0

    scale.drive(1, done, limit=36_000)


def _confirmed(scale: Scale, rows: int) -> None:
    """Create this number of confirmed transactions of a hundred wallets, in blocks that exist."""
    scale.add_wallets(100)
    of_block = max(1, rows // BLOCKS)
    counts: dict[str, int] = {}
    with scale.untimed():
        for first in range(0, rows, of_block):
            part = []
            for at in range(first, min(rows, first + of_block)):
                wallet = scale.wallets[at % len(scale.wallets)]
                part.append((wallet, scale._accepted(wallet), f"0x{at:064x}"))
            block = scale.node.add([one for _, _, one in part])
            scale.node.base += 1
            writes = []
            for wallet, row, tx_hash in part:
                sender = wallet.address.lower()
                nonce = counts.get(sender, 0)
                counts[sender] = nonce + 1
                scale.node.counts.setdefault(sender, []).append((block.number, nonce + 1))
                done = replace(
                    row, state="confirmed", nonce=nonce, attempt_count=1, hash=tx_hash, mined_attempt=1,
                    mined_block_number=block.number, mined_block_hash=block.hash, next_action_at=START,
                )  # fmt: skip
                attempt = Attempt(
                    row.id, 1, "payload", b"raw", tx_hash, 1, 1, None, 21_000, 1, START, START, "sent", START
                )
                writes += [TRANSACTIONS.write("insert", done), ATTEMPTS.write("insert", attempt)]
            scale.store.write(writes)
        for wallet in scale.wallets:
            count = counts.get(wallet.address.lower(), 0)
            lane = lanes.open_lane(
                scale.chain, wallet.address, latest=count, pending=count, finalized=0, now=START
            )
            scale.store.write([LANES.write("insert", lane)])


def rate(bench: Bench, commit: float) -> None:
    """Transactions from many wallets at a constant rate."""
    for chain, each_second in (("base", 100), ("arbitrum", 50)):
        for instances in INSTANCES:
            whole = instances in HOUR and commit == max(COMMITS)
            scale = Scale(chain, commit=commit, final_seconds=FINAL_SECONDS if whole else SHORT / 2)
            _rate(bench, scale, each_second, instances, SECONDS if whole else SHORT)


def _rate(bench: Bench, scale: Scale, each: int, instances: int, seconds: float) -> None:
    """All transactions must be final soon after finality came for the last one, and nothing may grow meanwhile."""
    come, total, watch = 0, int(seconds * each), Watch(scale)

    def arrive() -> None:
        nonlocal come
        while come < int(min(scale.time.now_seconds, seconds) * each):
            scale.accept(scale.wallets[come % len(scale.wallets)], 1)
            come += 1
        watch.look()

    with scale.open():
        began = time.process_time()
        scale.add_wallets(4 * each)
        over = scale.drive(
            instances,
            lambda: scale.lives.reached[FINAL] >= total,
            limit=2 * seconds + 3_600,
            meanwhile=arrive,
        )
        what = f"{each}/s on {scale.chain} for {seconds / 60:g} minutes, {instances} at work"
        _told(
            bench, what, scale, began, all_final_after_its_end=(over - seconds, "s"),
            longest_pass=(max(scale.passes), "s"), **_written(scale, total), **_parts(watch, seconds),
        )  # fmt: skip


def _parts(watch: Watch, seconds: float) -> dict[str, tuple[float, str]]:
    """Figures of the first part of a run in which everything happens, finality included, and of the last one."""
    last = int(seconds / WINDOW) - 1
    first = int(FINAL_SECONDS / WINDOW) + 1
    found: dict[str, tuple[float, str]] = {}
    for number in (first, last) if last > first else ():
        until, part = f"until minute {(number + 1) * WINDOW / 60:.0f}", watch.parts[number]
        found |= {
            f"{until}, most that wait to be sent": (part.unsent, ""),
            f"{until}, most without a block": (part.unmined, ""),
            f"{until}, 99 % sent after": (watch.took(number, "submitted", 0.99), "s"),
            f"{until}, 99 % confirmed after": (watch.took(number, "confirmed", 0.99), "s"),
            f"{until}, 99 % final after": (watch.took(number, FINAL, 0.99), "s"),
            f"{until}, memory of the model and all processes": (part.memory, "MiB"),
        }
    return found
