"""The cost of a contract function's process before its first answer, compared with functions-framework and web3 alone.

functions-framework starts each as it is deployed, in a separate process, which then loads web3. The limit is on
processor time, which a busy machine changes less than wall time. ROUNDS=1 is quick.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.toolkit import ROOT
from shared.runtime import operation
from tests.support.bench import Bench

ROUNDS = int(os.environ.get("ROUNDS", "3"))
MOST = 1.5  # times the processor time of both libraries alone
GROUP = "contracts"
_BARE = """
import web3
from flask import jsonify
def hello(request):
    return jsonify(web3.Web3().is_address("0x"))
"""
_START = """
import json, resource, sys
import functions_framework
functions_framework.create_app(sys.argv[1], sys.argv[2], "http")
if sys.argv[3]:
    from shared.contracts import provider
    provider.offline()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, len(sys.modules), "web3" in sys.modules]))
"""


@contextmanager
def product(name: str) -> Iterator[Bench]:
    """Start no services: the benchmark sends no requests."""
    yield Bench()


def run(bench: Bench) -> None:
    names = sorted(name for name, one in operation.catalog().items() if one.group == GROUP)
    web3s = {"call_contract", "deploy_contract", "get_token_info", "multicall", "send_to_contract"}
    with tempfile.TemporaryDirectory(prefix="bench-imports-") as folder:
        source = Path(folder) / "main.py"
        source.write_text(_BARE)
        bare: list[float] = []
        taken: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for number, name in enumerate(names):
                if number % 5 == 0:
                    bare.append(_process("hello", source, web3=False)[0])
                taken[name].append(_process(name, ROOT / "functions" / "main.py", web3=name in web3s)[0])
    floor = [1e3 * one for one in bare]
    for name in names:
        what = f"{name}{' with web3' if name in web3s else ''}"
        ours = [1e3 * one for one in taken[name]]
        bench.compared(what, ours, floor, than="functions-framework and web3", unit="ms", most=MOST)


def _process(target: str, source: Path, *, web3: bool) -> tuple[float, float, int]:
    """Measure a started process: (seconds of processor time, MiB, modules)."""
    command = [sys.executable, "-W", "ignore", "-c", _START, target, str(source), "1" if web3 else ""]
    named = {"ENVIRONMENT": "local", "GOOGLE_CLOUD_PROJECT": "bench", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | named, capture_output=True, text=True, check=True
    )
    seconds, memory, modules, has_web3 = json.loads(done.stdout.splitlines()[-1])
    assert has_web3 or not web3
    return float(seconds), float(memory), int(modules)
