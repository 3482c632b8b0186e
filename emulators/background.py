"""Emulators that outlive the command that started them: `python -m emulators up|down|status|env|logs`.

`.run/emulators.json` lists the running services. A service is alive while the lock on its port is held
(emulators/ports.py), so a process id that the system has given to another process is never signalled.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from emulators import ports, probes, process
from emulators.services import SERVICES
from emulators.stack import Stack


@dataclass(frozen=True, slots=True)
class Running:
    """One service in the state file. `pid` and `port` are None for a service that the environment named."""

    name: str
    address: str
    pid: int | None
    port: int | None
    log: str | None

    @property
    def alive(self) -> bool:
        return self.port is None or ports.held(self.port)

    @property
    def answers(self) -> bool:
        try:
            SERVICES[self.name].probe(self.address, 2.0)
        except probes.NotReady:
            return False
        return self.alive


@dataclass(frozen=True, slots=True)
class State:
    """The content of the state file that `up` writes."""

    env: dict[str, str]
    services: list[Running]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        try:
            stored: dict[str, Any] = json.loads(_file(folder).read_text())
        except FileNotFoundError:
            return None
        return cls(stored["env"], [Running(**service) for service in stored["services"]])

    def write(self, folder: Path) -> None:
        # Only its owner may read the file: RPC_URL of a rented node contains a key.
        temporary = _file(folder).with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(_file(folder))


def up(folder: Path) -> State:
    """Start the stack unless all its services answer; a partly dead stack is restarted. Raises StartError, Missing."""
    with _alone(folder):
        state = State.read(folder)
        if state and all(service.answers for service in state.services):
            return state
        if state:
            _end(folder, state)
        stack = Stack.start(folder / "logs", owned=False)
        try:
            state = State(stack.env, services(stack))
            state.write(folder)
        except BaseException:
            stack.stop()
            raise
        return state


def down(folder: Path) -> int:
    """Stop everything that `up` started and return how many there were. Raises TimeoutError if one survives."""
    with _alone(folder):
        state = State.read(folder)
        return _end(folder, state) if state else 0


def running(folder: Path) -> State | None:
    """The state that `make run` has written to `folder`/product; None if it does not run."""
    state = State.read(folder / "product")
    return state if state is not None and ports.held(int(state.env["PORT"])) else None


def seen(folder: Path) -> list[Running]:
    """The services that `up` or a running `make run` uses, each once."""
    states = [state for state in (State.read(folder), running(folder)) if state is not None]
    return list({one.address: one for state in reversed(states) for one in state.services}.values())


def services(stack: Stack) -> list[Running]:
    """The stack's services that are not embedded."""
    return [_running(stack, name) for name, choice in stack.chosen.items() if choice != "embedded"]


def exports(state: State) -> str:
    """The export lines for `eval "$(python -m emulators env)"`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(state.env.items()))


def _running(stack: Stack, name: str) -> Running:
    started = stack.started.get(name)
    if started is None:
        return Running(name, stack.env[SERVICES[name].variable], None, None, None)
    child = started.child
    return Running(name, started.address, child.process.pid, started.port, str(child.log.resolve()))


def _end(folder: Path, state: State) -> int:
    ours = [service for service in state.services if service.pid is not None and service.alive]
    for number, seconds in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        for service in ours:
            if service.pid is not None and service.alive:
                process.signal_group(service.pid, number)
        deadline = time.monotonic() + seconds
        while any(service.alive for service in ours) and time.monotonic() < deadline:
            time.sleep(0.02)
    survivors = [service.name for service in ours if service.alive]
    if survivors:
        raise TimeoutError(f"still running after SIGKILL: {', '.join(survivors)}")
    for left in (folder / "logs").glob("*-files"):
        shutil.rmtree(left, ignore_errors=True)
    _file(folder).unlink(missing_ok=True)
    return len(ours)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "emulators.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _file(folder: Path) -> Path:
    return folder / "emulators.json"
