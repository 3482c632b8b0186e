"""Waiting callers get their turn in order, give up in time, and leave nothing that disturbs others."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.client import wait_for
from emulators.toolkit import ROOT
from shared.runtime.fair_queue import FairQueue, TurnNotReached

HOLDER = """
import sys, time
from pathlib import Path
from shared.runtime.fair_queue import FairQueue
with FairQueue(Path(sys.argv[1])).turn():
    print("mine", flush=True)
    sys.stdin.readline()
print("given up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps the turn until it reads a line."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout and process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def let_go(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin and holder.stdout
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "given up\n"


def test_a_paused_process_is_not_waited_for_beyond_the_deadline(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    queue = FairQueue(path)
    holder.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(TurnNotReached, match="another process"), queue.turn(0.1):
            pass
    assert time.monotonic() - began < 10.0
    holder.send_signal(signal.SIGCONT)
    let_go(holder)
    with queue.turn(20.0), pytest.raises(TurnNotReached), FairQueue(path).turn(0.05):
        pass
    with FairQueue(path).turn(20.0):
        pass


def test_a_lock_that_came_too_late_is_not_kept(path: Path, holder: subprocess.Popen[str]) -> None:
    queue, other = FairQueue(path), FairQueue(path)
    with pytest.raises(TurnNotReached), queue.turn(0.05):
        pass
    let_go(holder)  # the one who gave up gets the lock now
    with other.turn(20.0), pytest.raises(TurnNotReached), queue.turn(0.05):
        pass
    with queue.turn(20.0):
        pass


def test_threads_behind_one_that_gives_up_go_on_in_order(path: Path, holder: subprocess.Popen[str]) -> None:
    queue, seen = FairQueue(path), list[str]()

    def wait(name: str, seconds: float) -> None:
        try:
            with queue.turn(seconds):
                seen.append(name)
        except TurnNotReached:
            seen.append(f"{name} gave up")

    threads = []
    for name, seconds in (("first", 2.0), ("second", 1.9), ("third", 60.0), ("fourth", 60.0)):
        threads.append(threading.Thread(target=wait, args=(name, seconds)))
        threads[-1].start()
        behind = len(threads) - 1
        wait_for(
            f"{name} to queue up",
            lambda behind=behind: queue._busy and len(queue._waiting) == behind,
            20.0,
            0.001,
        )
    wait_for("two to give up", lambda: len(seen) == 2, 20.0, 0.01)
    let_go(holder)
    for thread in threads:
        thread.join(60.0)
    assert sorted(seen[:2]) == ["first gave up", "second gave up"]
    assert seen[2:] == ["third", "fourth"]


def test_many_threads_and_queues_have_it_one_at_a_time(path: Path) -> None:
    """Waits are short, so that some give up at any moment; no two hold it at once, and the turn is free at the end."""
    queues = [FairQueue(path) for _ in range(3)]
    inside, most, had, lock = 0, 0, 0, threading.Lock()

    def work(queue: FairQueue) -> None:
        nonlocal inside, most, had
        for _ in range(60):
            try:
                with queue.turn(0.004):
                    with lock:
                        inside += 1
                        most, had = max(most, inside), had + 1
                    time.sleep(0.0005)
                    with lock:
                        inside -= 1
            except TurnNotReached:
                pass

    threads = [threading.Thread(target=work, args=(queue,)) for queue in queues for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert (inside, most) == (0, 1) and had > 100
    for queue in queues:
        with queue.turn(20.0):
            pass
