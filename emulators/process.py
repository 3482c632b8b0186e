"""Child processes: start each in a separate process group, tie it to its owner, and end the whole group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

_GUARD = Path(__file__).with_name("guard.py")
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Process(Protocol):
    """What is used of a Popen."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Child:
    """A running command, which leads its own process group, and the file with its output."""

    name: str
    process: Process
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


def spawn(
    name: str,
    command: Sequence[str],
    log: Path,
    *,
    owned: bool = True,
    death: signal.Signals = signal.SIGKILL,
    env: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
    cwd: Path | None = None,
) -> Child:
    """Start a command; its output is appended to `log`, `env` is added to our environment, it inherits `keep`.

    An owned child receives the signal `death` when this process dies. Linux ties that to the *thread* that started the
    child, so this raises RuntimeError outside the main thread.
    """
    if owned and threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"start {name} from the main thread: it would die with this thread")
    guard = guarded(death) if owned else []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*guard, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            pass_fds=tuple(keep),
            cwd=cwd,
            start_new_session=True,
        )
    return Child(name, process, log)


def guarded(death: signal.Signals = signal.SIGKILL) -> list[str]:
    """What precedes a command that the main thread starts, so that it receives `death` when this process dies."""
    return [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(int(death))]


def stop(children: Sequence[Child], grace: float = 5.0) -> None:
    """End the groups of all children: SIGTERM, then SIGKILL after `grace` seconds. Returns when all have ended."""
    with shielded():
        for child in children:
            if child.alive:
                signal_group(child.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a whole process group; does nothing if the group has already ended."""
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def exit_on_signals() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into SystemExit(128 + n), so that `with` blocks and `finally` clean up.

    It also sets SIGINT if the shell has made us ignore it, as for a command in the background.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in _STOPPING:
        signal.signal(number, leave)


@contextmanager
def shielded() -> Iterator[None]:
    """Let a clean-up finish even if the user presses Ctrl-C again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
