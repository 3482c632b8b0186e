"""Run the benchmarks one after the other, each with freshly started services: emulators slow down with every call.

    python -m tests.bench [name] …        a name is a module of tests/bench with `run(bench: Bench)`, and one of PARTS

Each benchmark prints its figures as they come, and docs/bench.json keeps the last of each. Runs with other sizes than
these, and runs that fail, are not kept. The command reports benchmarks that miss a limit; the exit status is the number
of benchmarks that missed one or failed.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType

from tests.support import bench_page, bench_record, machine
from tests.support.bench import Bench, product


@dataclass(frozen=True)
class Part:
    """The subject of a benchmark, its services, and the sizes that it reads from the environment."""

    about: str
    store: str = "emulator"
    sizes: dict[str, str] = field(default_factory=dict)


STREAMS = {"STREAMS": "2000", "ORDERS": "200"}
PARTS: Mapping[str, Part] = {
    "cold": Part("starts of processes", "none", {"ROUNDS": "5", "EVERY": "1"}),
    "console": Part("the console over 100,000 orders", "embedded"),
    "desk": Part("hot requests beside the RPCs that they make"),
    "desk_lists": Part("a page of a long list beside one of a short list", sizes={"ORDERS": "100000"}),
    "doors": Part("the same calls over gRPC and HTTP", "embedded", {"ROUNDS": "200"}),
    "engine": Part("transactions beside bare calls"),
    "growth": Part("from 1,000 rows to 1,000,000", "embedded", {"ROWS": "1000 10000 100000 1000000"}),
    "imports": Part("what contract functions import", "none", {"ROUNDS": "3"}),
    "index": Part("a block's events with many followed contracts"),
    "passphrases": Part("wrong passphrases beside right ones"),
    "processor": Part("processor time of a call and all that it sets off", "embedded", {"ROUNDS": "25"}),
    "scale": Part("the engine in simulated time", "model", {"SCALE": "0.02", "COMMITS": "0.010 0.100", "HOUR": "1"}),
    "streams": Part("Server-Sent Events", "embedded", STREAMS),
    "streams_grpc": Part("gRPC streams", "embedded", STREAMS),
    "streams_websocket": Part("WebSockets", "embedded", STREAMS),
    "users": Part("10,000 people with pauses", "embedded", {"USERS": "10000", "THINK": "600 150", "SECONDS": "60"}),
    "webhooks": Part("webhooks", "embedded", {"DELIVERIES": "2000"}),
}  # fmt: skip


NAMES = sorted(PARTS)


def main(names: list[str]) -> int:
    """Run the benchmarks; returns the number that missed a limit or failed, or 2 for an unknown name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"unknown: {' '.join(unknown)}; there are: {' '.join(NAMES)}\n")
        return 2
    if len(names) == 1:
        return _here(names[0])
    return _each(names or NAMES)


def _each(names: list[str]) -> int:
    began, failed = time.monotonic(), []
    for number, name in enumerate(names, 1):
        gone = int(time.monotonic() - began)
        print(f"\n[{gone // 60}:{gone % 60:02}] {number} of {len(names)}", flush=True)
        if subprocess.run([sys.executable, "-m", "tests.bench", name], check=False).returncode:
            failed.append(name)
    gone = int(time.monotonic() - began)
    print(
        f"\n[{gone // 60}:{gone % 60:02}] " + (f"too slow or failed: {' '.join(failed)}" if failed else "all")
    )
    return len(failed)


def _here(name: str) -> int:
    sizes = PARTS[name].sizes
    if PARTS[name].store == "emulator":
        os.environ["STORE"] = "emulator"  # otherwise embedded services replace missing emulators
    taken = {size: os.environ.setdefault(size, value) for size, value in sizes.items()}
    module = importlib.import_module(f"tests.bench.{name}")
    run, world = module.run, getattr(module, "product", product)
    print(f"\n== {name}", flush=True)
    began, load = time.monotonic(), machine.load()
    with world(name) as bench:
        run(bench)
    for slow in bench.missed:
        print(f"  too slow: {slow}")
    if taken == sizes:
        _keep(module, bench, (load, machine.load()), time.monotonic() - began)
    else:
        print("  not kept: these are not the sizes of `make bench`")
    return 1 if bench.missed else 0


def _keep(module: ModuleType, bench: Bench, load: tuple[float, float], seconds: float) -> None:
    name = module.__name__.rpartition(".")[2]
    part = PARTS[name]
    section = bench_record.Section(
        name=name,
        about=part.about,
        date=datetime.now(UTC).date().isoformat(),
        commit=machine.commit(),
        machine=machine.machine(),
        load=load,
        store=part.store,
        sizes=part.sizes,
        seconds=seconds,
        figures=tuple(bench.figures),
        charts=tuple(bench.charts.values()),
        how=" ".join((module.__doc__ or "").split()),
    )
    bench_page.write(bench_record.keep(section))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
