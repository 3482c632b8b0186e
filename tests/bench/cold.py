"""From the start of a process to its first answer, and its memory then: each service as it is deployed, each function.

functions-framework starts the process with the image's command. The benchmark then sends one request without a token,
which every operation refuses before it uses a database. In the cloud, loading the image and connecting to Spanner take
additional time.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from emulators.toolkit import ROOT
from shared.runtime import operation, trust
from shared.runtime.operation import Operation
from tests.support.bench import Bench

ROUNDS = int(os.environ.get("ROUNDS", "5"))  # per service
EVERY = int(os.environ.get("EVERY", "1"))  # measure every EVERY-th function: 10 is quick
STREAMS = "streams"  # has its own server
_START = """
import json, resource, sys, time
import functions_framework
target, source, began, method, path = sys.argv[1:]
app = functions_framework.create_app(target, source, "http")
status = app.test_client().open(path, method=method).status_code
took, used = time.time() - float(began), resource.getrusage(resource.RUSAGE_SELF)
lines = open("/proc/self/status").read().splitlines()  # ru_maxrss may be that of whoever started this process
memory = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
print(json.dumps([took, used.ru_utime + used.ru_stime, memory, status]))
"""


@contextmanager
def product(name: str) -> Iterator[Bench]:
    """Start no services."""
    yield Bench()


def run(bench: Bench) -> None:
    every = operation.catalog()
    for name in trust.TRUSTS:
        own = [one for one in every.values() if one.trust == name]
        if name != STREAMS and own:
            taken = [_process(f"trust_{name}", own[0]) for _ in range(ROUNDS)]
            bench.median(f"service {name}: first answer", [one[0] for one in taken], "ms")
            bench.median(f"service {name}: processor", [one[1] for one in taken], "ms")
            bench.median(f"service {name}: memory", [one[2] for one in taken], "MiB")
    functions(bench, [one for one in every.values() if one.trust != STREAMS][::EVERY])


def functions(bench: Bench, chosen: list[Operation]) -> None:
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for number, one in enumerate(chosen):
        found[one.group].append(_process(one.name, one))
        bench.progress("functions", number, len(chosen))
    for group, taken in sorted(found.items()):
        bench.median(f"functions of {group} ({len(taken)}): first answer", [one[0] for one in taken], "ms")
        bench.median(f"functions of {group}: memory", [one[2] for one in taken], "MiB")
    all_of_them = [one for taken in found.values() for one in taken]
    bench.median(f"first answer of a function, all {len(chosen)}", [one[0] for one in all_of_them], "ms")
    bench.median("memory of a function then", [one[2] for one in all_of_them], "MiB")
    bench.figure("the slowest function", max(one[0] for one in all_of_them), "ms")
    bench.figure("the largest function", max(one[2] for one in all_of_them), "MiB")
    share = statistics.median(one[1] / one[0] for one in all_of_them)
    bench.figure("processor time of that", 100 * share, "%")


def _process(target: str, one: Operation) -> tuple[float, float, float]:
    """Measure a new process: (ms until the answer, ms of processor time, MiB at most)."""
    method, path = _asked(one)
    command = [sys.executable, "-W", "ignore", "-c", _START, target, str(ROOT / "functions" / "main.py")]
    named = {"ENVIRONMENT": "local", "GOOGLE_CLOUD_PROJECT": "bench", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(time.time()), method, path],
        cwd=ROOT, env=os.environ | named, capture_output=True, text=True, check=True,
    )  # fmt: skip
    took, used, memory, status = json.loads(done.stdout.splitlines()[-1])
    assert status < 500, (target, status)
    return float(took) * 1e3, float(used) * 1e3, float(memory)


def _asked(one: Operation) -> tuple[str, str]:
    if one.https:
        trigger = one.https[0]
        return trigger.method, re.sub(r"{[^}]+}", "none", trigger.path)
    return "POST", f"/{'push' if one.messages else 'schedule'}/{one.name}"
