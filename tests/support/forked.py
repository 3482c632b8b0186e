"""Start processes as forks of one that has imported all that they import.

A gateway's start takes a second of processor time, nearly all of it for imports, and the tests start two dozen. A fork
is a process like any other: it leads its own group, holds its ports' locks, and SIGKILL ends it at once. The start
itself is what `make run` does in tests/e2e/test_restarts.py and tests/e2e/test_documents.py.

The first process of a test run starts the server, before it forks the workers, which inherit the socket to it. With
each request comes a channel, over which the server tells the new process's id, and later its exit status. It ends with
the process that has asked for it, as one that `emulators.process` starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulators import process
from emulators.process import Child

MOST_BYTES, MOST_DESCRIPTORS = 1 << 18, 16
READY_SECONDS: Final = 60.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass(slots=True)
class Fork:
    """A forked process, for the one that has asked for it; like a Popen."""

    pid: int
    channel: socket.socket
    returncode: int | None = None

    def poll(self) -> int | None:
        return self._status(0.0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0.0)
        return status

    def _status(self, timeout: float | None) -> int | None:
        """The exit status; None if it still runs after `timeout` seconds."""
        if self.returncode is None:
            self.channel.settimeout(timeout)
            try:
                said = self.channel.recv(32)
            except (BlockingIOError, TimeoutError):
                return None
            self.channel.close()
            self.returncode = int(said) if said else -signal.SIGKILL  # all end with the server
        return self.returncode


class Server:
    """The process that has imported `module`, whose `main()` its forks run."""

    def __init__(self, module: str, folder: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno()), module]
            self._child = process.spawn("forks", command, folder / "forks.log", keep=[theirs.fileno()])

    def spawn(
        self, name: str, _: Sequence[str], log: Path, *, env: Mapping[str, str], keep: Sequence[int] = ()
    ) -> Child:
        """Do the same as `emulators.process.spawn` with the command that runs the module."""
        asked = {"cwd": str(Path.cwd()), "env": {**os.environ, **env}}
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            descriptors = [theirs.fileno(), output.fileno(), *keep]
            socket.send_fds(self._control, [json.dumps(asked).encode()], descriptors)
        channel.settimeout(READY_SECONDS)
        said = channel.recv(32)
        assert said, process.tail(self._child.log)
        return Child(name, Fork(int(said), channel), log)

    def stop(self) -> None:
        """End it and its forks."""
        process.stop([self._child])
        self._control.close()


@dataclass(eq=False, slots=True)
class Running:
    """A process that the server has forked."""

    pid: int
    channel: socket.socket
    ended: int  # a descriptor that tells it

    def close(self) -> None:
        self.channel.close()
        os.close(self.ended)


def serve(control: socket.socket) -> Mapping[str, Any] | None:
    """Fork a process for each request. Returns in each what was asked for, and in this one None when nobody can ask any
    more."""
    running: set[Running] = set()
    with selectors.DefaultSelector() as waiting:
        waiting.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    message, descriptors, *_ = socket.recv_fds(control, MOST_BYTES, MOST_DESCRIPTORS)
                    if not message:
                        return None
                    if (made := _forked(descriptors)) is None:
                        for one in running:
                            one.close()
                        control.close()
                        asked: Mapping[str, Any] = json.loads(message)
                        return asked
                    running.add(made)
                    for place in (made.channel, made.ended):
                        waiting.register(place, selectors.EVENT_READ, made)
                elif key.fileobj == key.data.ended:
                    _reap(waiting, running, key.data)
                elif key.data in running:  # the one that has asked for it has ended
                    waiting.unregister(key.data.channel)
                    process.signal_group(key.data.pid, signal.SIGKILL)


def _forked(descriptors: Sequence[int]) -> Running | None:
    """Fork; returns None in the new process, which leads its own group, writes into its log, and ends with this one."""
    channel, log, *_ = descriptors
    server, pid = os.getpid(), os.fork()
    if pid == 0:
        os.setsid()
        if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0 or os.getppid() != server:
            os._exit(1)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(channel)
        return None
    for each in descriptors[1:]:
        os.close(each)
    made = Running(pid, socket.socket(fileno=channel), os.pidfd_open(pid))
    _tell(made, pid)
    return made


def _reap(waiting: selectors.BaseSelector, running: set[Running], ended: Running) -> None:
    """Tell the exit status of a process that has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(ended.pid, 0)[1])
    for place in (ended.channel, ended.ended):
        if place in waiting.get_map():
            waiting.unregister(place)
    _tell(ended, status)
    running.discard(ended)
    ended.close()


def _tell(one: Running, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        one.channel.send(str(number).encode())


def main() -> int:
    module = importlib.import_module(sys.argv[2])
    sys.stdout.flush()  # else each fork would write the same
    gc.freeze()  # the forks share this memory until they write into it
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is None:
        return 0
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    return int(module.main())


if __name__ == "__main__":
    sys.exit(main())
