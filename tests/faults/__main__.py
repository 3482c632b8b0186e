"""Run the long proofs one after the other, each with its own emulators; they print their figures, and docs/proof.md
keeps the last of each.

python -m tests.faults [race|linearizability|idempotency|…] …   SEED=… repeats what a failure printed;
a size in the environment (MINUTES=10) is taken instead of the proof's own
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.faults import record
from tests.support import machine

DEFAULT_SEED = "7"
LIMIT_SECONDS = 1500  # for one test


@dataclass(frozen=True)
class Part:
    """Test files and the sizes that make them long proofs."""

    paths: tuple[str, ...]
    sizes: dict[str, str] = field(default_factory=dict)
    workers: int = 1  # parallel processes, for proofs that measure nothing and whose tests are independent
    store: str = "embedded"  # unless STORE is set; "emulator" if all of the tests or some need the emulators


PARTS = {
    "adding": Part(("tests/faults/adding.py",)),
    "api": Part(
        ("tests/emulated/functions/test_fuzz.py", "tests/e2e/test_api.py"),
        {"EXAMPLES": "60", "API_CASES": "10"},
    ),
    "attacks": Part(("tests/emulated/identity/test_attacker.py",), {"STEPS": "3000", "MUTATIONS": "all"}),
    "observe": Part(("tests/e2e/test_observe.py", "tests/e2e/test_alarms.py"), {"OBSERVE": "1"}),
    "delivery": Part(
        ("tests/unit/infra/test_first_apply.py", "tests/unit/infra/test_delivery.py"), {"WHOLE": "1"}
    ),
    "race": Part(("tests/emulated/desk/test_race.py",), {"RIVALS": "10000", "THREADS": "256"}),
    "linearizability": Part(
        ("tests/unit/model/test_linearizability.py", "tests/emulated/desk/test_linearizability.py"),
        {"OPERATIONS": "20000", "MODEL_OPERATIONS": "100000"},
    ),
    "cache": Part(
        ("tests/emulated/contract/test_cache.py", "tests/emulated/core/test_cache_schedules.py"),
        {"SCHEDULES": "300", "MODEL_SCHEDULES": "200000"},
    ),
    "idempotency": Part(
        ("tests/emulated/core/test_idempotency.py",), {"KEYS": "5000", "MODEL_KEYS": "100000"}
    ),
    "index": Part(
        (
            "tests/unit/contracts/test_index_histories.py",
            "tests/emulated/contracts/test_events.py",
            "tests/emulated/contracts/test_index_reorgs.py",
            "tests/emulated/contracts/test_deposits.py",
        ),
        {"INDEX_HISTORIES": "10000"},
    ),
    "inbox": Part(("tests/emulated/core/test_inbox.py",), {"EVENTS": "15500", "MODEL_EVENTS": "770000"}),
    "bare": Part(("tests/faults/bare.py",)),
    "hour": Part(("tests/faults/restarts.py",), {"MINUTES": "60"}),
    "points": Part(("tests/e2e/test_kill.py", "tests/e2e/test_restarts.py")),
    "kill": Part(("tests/emulated/desk/test_sigkill.py",), {"KILLS": "8"}),
    "settlement": Part(
        (
            "tests/emulated/engine/test_three_payments.py",
            "tests/emulated/engine/test_payments.py",
            "tests/emulated/desk/test_settlement.py",
        )
    ),
    "histories": Part(
        (
            "tests/unit/engine/test_histories.py",
            "tests/unit/engine/test_wallet_histories.py",
            "tests/unit/engine/test_claim_histories.py",
            "tests/emulated/engine/test_histories_http.py",
            "tests/unit/domain/desk/test_any_sequence.py",
            "tests/unit/domain/transactions/test_any_sequence.py",
        ),
        {
            "SEEDS": "10000",
            "WALLET_HISTORIES": "4000",
            "CLAIM_HISTORIES": "4000",
            "HTTP_SEEDS": "60",
            "SEQUENCES": "2000",
        },
        workers=2,
    ),
    "senders": Part(("tests/emulated/engine/test_sigkill.py",), {"SENDER_KILLS": "99"}),
    "policies": Part(("tests/emulated/engine/test_policy_on_chain.py",), {"POLICY_CASES": "5000"}),
    "image": Part(("tests/emulated/delivery/test_image.py",), {"INSTALL": "1"}, store="emulator"),
    "releases": Part(("tests/faults/releases.py",), store="emulator"),
    "restore": Part(
        (
            "tests/emulated/desk/test_restore.py",
            "tests/emulated/desk/test_restore_drill.py",
            "tests/emulated/wallets/test_export.py",
        ),
        {"ORDERS": "30"},
    ),
    "rollout": Part(("tests/unit/infra/test_rollout.py",), {"EVERY": "1"}),
    "terraform": Part(("tests/unit/infra/test_terraform.py",), {"MUTATIONS": "all"}),
    "streams": Part(("tests/faults/streams.py",), {"STREAMS": "2000", "ORDERS": "200"}),
    "webhooks": Part(
        (
            "tests/emulated/webhooks/test_volume.py",
            "tests/emulated/webhooks/test_sigkill.py",
            "tests/e2e/test_webhooks.py",
        ),
        {"DELIVERIES": "10000"},
    ),
    "transfers": Part(("tests/emulated/engine/test_volume.py",), {"TRANSFERS": "5000"}),
    "wallets": Part(("tests/emulated/engine/test_many_wallets.py",), {"SENDERS": "500", "EACH": "40"}),
}


def main(names: list[str]) -> int:
    """Run the proofs; returns 1 if a proof failed, 2 for an unknown name."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.stderr.write(f"unknown: {' '.join(unknown)}; there are: {' '.join(PARTS)}\n")
        return 2
    seed = os.environ.get("SEED", DEFAULT_SEED)
    began = time.monotonic()
    lines = [_run(name, PARTS[name], seed) for name in names or PARTS]
    _say("\n== proofs")
    for line, _ in lines:
        _say(line)
    _say(f"{'all':16} {time.monotonic() - began:7.1f} s")
    return int(not all(passed for _, passed in lines))


def _run(name: str, part: Part, seed: str) -> tuple[str, bool]:
    """Run a part; returns its line of the table, and whether it passed."""
    sizes = {key: os.environ.get(key, value) for key, value in part.sizes.items()} | {"SEED": seed}
    store = os.environ.get("STORE") or part.store
    _say(
        f"\n== {name}: {' '.join(f'{key}={value}' for key, value in sizes.items())} pytest {' '.join(part.paths)}"
    )
    command = [sys.executable, "-m", "pytest", "--timeout", str(LIMIT_SECONDS), *part.paths]
    if part.workers > 1:  # -s loses the output of workers; the report prints it last
        command += ["--workers", str(part.workers), "-rP"]
    else:
        command += ["-s"]
    began = time.monotonic()
    passed, printed = _followed(command, os.environ | sizes | {"STORE": store})
    left_out = " (with tests that were SKIPPED)" if "skipped" in record.counts(printed) else ""
    seconds = time.monotonic() - began
    record.keep(_noted(name, store, sizes, seconds=seconds, passed=passed, printed=printed))
    line = f"{name:16} {seconds:7.1f} s  "
    return line + (
        f"passed{left_out}" if passed else f"FAILED: SEED={seed} make prove PART={name} repeats it"
    ), passed


def _followed(command: list[str], env: dict[str, str]) -> tuple[bool, list[str]]:
    """Run a command and show its output as it comes; returns whether it succeeded, and the output."""
    printed = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            printed.append(line)
    return process.returncode == 0, printed


def _noted(
    name: str, store: str, sizes: dict[str, str], *, seconds: float, passed: bool, printed: list[str]
) -> record.Run:
    return record.Run(
        part=name,
        date=datetime.now(UTC).date().isoformat(),
        commit=machine.commit(),
        machine=machine.machine(),
        store=store,
        seed=sizes["SEED"],
        sizes={key: value for key, value in sizes.items() if key != "SEED"},
        seconds=round(seconds, 1),
        passed=passed,
        figures=record.figures(printed),
        tests=record.counts(printed),
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
