"""A fork serves as the process that it stands for: it has its own log, environment, group and exit status, holds the
descriptors that it was given, and ends with the process that asked for it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators import ports, process
from emulators.client import wait_for
from emulators.process import Child
from tests.support.forked import Fork, Server

PROGRAM = """
import os, signal, sys

print("imported once")

def main():
    print(os.getpgid(0) == os.getpid(), os.environ.get("GIVEN"), os.environ.get("HOME"), os.getcwd(), flush=True)
    if not os.environ.get("GIVEN"):
        signal.pause()
    return int(os.environ["GIVEN"])
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere tests start gateways themselves")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    (tmp_path / "forked_program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    made = Server("forked_program", tmp_path)
    yield made
    made.stop()


def begun(server: Server, log: Path, keep: list[int] | None = None) -> Child:
    """One that waits."""
    child = server.spawn("waits", [], log, env={}, keep=keep or [])
    wait_for("its first line", lambda: "None" in process.tail(log), pause=0.01)
    return child


def test_each_has_its_environment_log_group_and_status(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "changed after the server began")
    for given in (0, 7):
        log = tmp_path / f"{given}.log"
        child = server.spawn("ends", [], log, env={"GIVEN": str(given)})
        assert child.process.wait(20) == given and not child.alive
        assert log.read_text() == f"True {given} changed after the server began {Path.cwd()}\n"
    assert process.tail(tmp_path / "forks.log") == "imported once"


def test_it_holds_what_it_was_given_until_it_is_killed(server: Server, tmp_path: Path) -> None:
    with ports.reserve() as (port, lock):
        child = begun(server, tmp_path / "log", [lock])
    other = begun(server, tmp_path / "other")
    assert child.alive and ports.held(port)
    process.signal_group(child.process.pid, signal.SIGKILL)
    assert child.process.wait(20) == -signal.SIGKILL
    assert not ports.held(port) and other.alive
    process.stop([other])
    assert not other.alive


def test_it_ends_with_the_process_that_asked_and_with_the_server(server: Server, tmp_path: Path) -> None:
    with ports.reserve() as (first, lock), ports.reserve() as (second, other):
        asked = begun(server, tmp_path / "first", [lock]).process
        child = begun(server, tmp_path / "second", [other])
    assert isinstance(asked, Fork)
    asked.channel.close()  # as at the end of the process that asked
    wait_for("its end", lambda: not ports.held(first), pause=0.01)
    assert child.alive and ports.held(second)
    server.stop()
    assert child.process.wait(20) == -signal.SIGKILL
    wait_for("its end, too", lambda: not ports.held(second), pause=0.01)
