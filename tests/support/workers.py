"""Run the files of a test run in several processes: `--workers 6`.

The tests are collected once. Each worker is a fork of the process that has collected them, so it begins at once and has
all that they import. It is given one file at a time and runs that file's tests in their order; when it begins the last
one, it asks for the next file, because fixtures of the session stay only if a test follows.

A worker that ends in the middle of a test fails that test; another one runs the rest of its file.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, NoReturn

import pytest

ENDS_WITHIN = 10.0  # seconds that a worker has to clean up when the run is broken off


class Hooks:
    """What a conftest does in each worker."""

    @pytest.hookspec
    def pytest_worker_begins(self, config: pytest.Config) -> None:
        """A worker has been forked and has run no test yet."""

    @pytest.hookspec
    def pytest_worker_ends(self, config: pytest.Config, failed: bool) -> None:
        """A worker has run its last test; `failed` tells whether any of them did."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", type=int, default=0, help="processes that run the files (0: this one)")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the files in workers; with none, pytest's own loop follows."""
    if not session.config.option.workers or session.config.option.collectonly or session.testsfailed:
        return None
    Pool(session).run(session.config.option.workers)
    return True


@dataclass(eq=False, slots=True)
class Worker:
    """A forked process, as the process sees it that has forked it."""

    process: int
    channel: Connection
    given: deque[int] = field(default_factory=deque)  # numbers of tests that it has not begun
    running: int | None = None


class Pool:
    """Hands files to workers, and reports what they report."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._files = deque(by_file(item.path for item in session.items))
        self._workers: dict[Connection, Worker] = {}
        self._forked = 0

    def run(self, count: int) -> None:
        """Return when all tests have run. Raises what pytest's own loop raises when a run is broken off."""
        try:
            for _ in range(min(count, len(self._files))):
                self._fork()
            while self._workers:
                for channel in wait(list(self._workers)):
                    assert isinstance(channel, Connection)
                    self._hear(self._workers[channel])
                if self._session.shouldfail:
                    raise self._session.Failed(self._session.shouldfail)
                if self._session.shouldstop:
                    raise self._session.Interrupted(self._session.shouldstop)
        finally:
            self._break_off()

    def _fork(self) -> None:
        ours, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._forked += 1
        process = os.fork()
        if process == 0:
            for channel in [*self._workers, ours]:  # else they would stay open when the first process ends
                channel.close()
            _become_worker(self._session, theirs, self._forked)
        theirs.close()
        self._workers[ours] = Worker(process, ours)

    def _hear(self, worker: Worker) -> None:
        try:
            kind, said = worker.channel.recv()
        except (EOFError, ConnectionError):
            self._has_ended(worker)
            return
        if kind == "asks":
            self._give(worker)
        elif kind == "begins":
            worker.running = worker.given.popleft()
        elif kind == "ran":
            worker.running = None
            self._report(*said)
        else:
            raise RuntimeError(f"a worker broke:\n{said}")

    def _give(self, worker: Worker) -> None:
        numbers = self._files.popleft() if self._files else []
        worker.given.extend(numbers)
        with suppress(ConnectionError):  # then its end is heard next
            worker.channel.send(numbers)

    def _report(self, reports: Sequence[Any], warned: Sequence[Any], stop: str) -> None:
        config = self._session.config
        for warning in warned:
            config.hook.pytest_warning_recorded.call_historic(kwargs=warning)
        for data in reports:
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
            config.hook.pytest_runtest_logreport(report=report)
        if stop:
            self._session.shouldstop = stop

    def _has_ended(self, worker: Worker) -> None:
        del self._workers[worker.channel]
        worker.channel.close()
        status = os.waitstatus_to_exitcode(os.waitpid(worker.process, 0)[1])
        if worker.running is not None:
            self._fail(self._session.items[worker.running], status)
        elif status != 0:
            raise RuntimeError(f"a worker ended with {status} between two tests")
        if worker.given:
            self._files.appendleft(list(worker.given))
            self._fork()

    def _fail(self, item: pytest.Item, status: int) -> None:
        cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        text = f"the worker ended with {cause} while it ran {item.nodeid}"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
        item.ihook.pytest_runtest_logreport(report=report)

    def _break_off(self) -> None:
        """End the workers that still run; they clean up first."""
        for worker in self._workers.values():
            worker.channel.close()
            with suppress(ProcessLookupError):
                os.kill(worker.process, signal.SIGINT)
        until = time.monotonic() + ENDS_WITHIN
        for worker in self._workers.values():
            while os.waitpid(worker.process, os.WNOHANG) == (0, 0):
                if time.monotonic() > until:
                    os.kill(worker.process, signal.SIGKILL)
                time.sleep(0.02)
        self._workers.clear()


def by_file(paths: Iterable[Path]) -> list[list[int]]:
    """The numbers of the tests of each file, by the files of all tests."""
    found: dict[Path, list[int]] = {}
    for number, path in enumerate(paths):
        found.setdefault(path, []).append(number)
    return list(found.values())


class Sender:
    """Keeps a test's reports and warnings until they are sent."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[Any] = []
        self._warned: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        hook = self._config.hook
        self._reports.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        said = warnings.WarningMessage(
            warning_message.message,
            warning_message.category,
            warning_message.filename,
            warning_message.lineno,
        )  # its source can be anything, also what no other process can read
        self._warned.append({"warning_message": said, "when": when, "nodeid": nodeid, "location": location})

    def taken(self) -> tuple[list[Any], list[Any]]:
        taken = self._reports, self._warned
        self._reports, self._warned = [], []
        return taken


def _become_worker(session: pytest.Session, channel: Connection, number: int) -> NoReturn:
    """Run what the first process gives, and end this one."""
    status = 1
    try:
        config = session.config
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
        _be_silent(config)
        folders: Any = config._tmp_path_factory  # type: ignore[attr-defined]
        own = folders.getbasetemp() / f"w{number}"
        own.mkdir(0o700)
        folders._basetemp = own
        config.hook.pytest_worker_begins(config=config)
        try:
            _work(session, channel)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            session._setupstate.teardown_exact(None)
            config.hook.pytest_worker_ends(config=config, failed=bool(session.testsfailed))
        status = 0
    except (KeyboardInterrupt, ConnectionError, EOFError):
        pass  # the run is broken off
    except BaseException:
        with suppress(OSError):
            channel.send(("broke", traceback.format_exc()))
    finally:
        os._exit(status)


def _be_silent(config: pytest.Config) -> None:
    """Leave the terminal to the first process, and capture into files that no other worker writes into."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    config.get_terminal_writer()._file = os.fdopen(nothing, "w", encoding="utf-8")
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture(in_=True)


def _work(session: pytest.Session, channel: Connection) -> None:
    sender = Sender(session.config)
    session.config.pluginmanager.register(sender, "sender")
    sender.taken()  # earlier warnings are repeated to each new plugin; the first process has them

    def asked() -> list[int]:
        channel.send(("asks", None))
        numbers: list[int] = channel.recv()
        return numbers

    given = deque(asked())
    while given:
        item = session.items[given.popleft()]
        channel.send(("begins", None))
        if not given:
            given.extend(asked())
        following = session.items[given[0]] if given else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        channel.send(("ran", (*sender.taken(), str(session.shouldstop or ""))))
        if session.shouldfail or session.shouldstop:
            return
