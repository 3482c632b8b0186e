"""Files run in forked workers as in one process: each test once, a file's tests in one worker and in their order, what
is captured with its own test; a worker that dies fails one test only."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emulators.toolkit import ROOT
from tests.support.workers import by_file

FILE = """
import os, pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number, capfd):
    os.write(1, b"written by {name}\\n")
    assert capfd.readouterr().out == "written by {name}\\n"
    with open("{log}", "a") as log:
        log.write(f"{name} {{number}} {{os.getpid()}}\\n")
"""
BROKEN = """
import os, signal, warnings

def test_fails():
    print("seen in the report")
    warnings.warn("mind the gap")
    assert 1 == 2

def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)

def test_after():
    pass
"""

WAITS = """
import pathlib, time

def test_begins_when_the_other_has_begun():
    while not pathlib.Path("{folder}/begun").exists():
        time.sleep(0.01)
"""
SLOW = """
import pathlib, time

def test_slow():
    try:
        pathlib.Path("{folder}/begun").touch()
        time.sleep(50)
    finally:
        pathlib.Path("{folder}/cleaned").touch()
"""


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the tests of a folder in three workers; returns the exit status and the output."""
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.workers",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
    ]
    done = subprocess.run(
        [*line, f"--rootdir={folder}", "--workers=3", *arguments, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_each_test_runs_once_and_a_dead_worker_fails_one_only(tmp_path: Path) -> None:
    log, names = tmp_path / "log", [f"test_{letter}" for letter in "abcdefg"]
    for name in names:
        (tmp_path / f"{name}.py").write_text(FILE.format(name=name, log=log))
    (tmp_path / "test_broken.py").write_text(BROKEN)
    status, said = run(tmp_path, f"--junit-xml={tmp_path / 'report.xml'}", "-v")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"2 failed, 29 passed, 1 warning in", said), said
    assert "the worker ended with SIGKILL while it ran test_broken.py::test_dies" in said
    assert "seen in the report" in said and "mind the gap" in said and "assert 1 == 2" in said

    ran = [line.split() for line in log.read_text().splitlines()]
    assert sorted((name, number) for name, number, _ in ran) == [
        (name, str(n)) for name in names for n in range(4)
    ]
    for name in names:
        assert [number for found, number, _ in ran if found == name] == ["0", "1", "2", "3"]
        assert len({process for found, _, process in ran if found == name}) == 1
    assert len({process for _, _, process in ran}) > 1
    cases = list(ElementTree.parse(tmp_path / "report.xml").iter("testcase"))  # noqa: S314 - our own
    assert len(cases) == 31 and len([case for case in cases if case.find("failure") is not None]) == 2


def test_a_run_ends_with_its_first_failure_if_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text(WAITS.format(folder=tmp_path) + BROKEN)
    (tmp_path / "test_slow.py").write_text(SLOW.format(folder=tmp_path))
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a shell's background job
    try:
        status, said = run(tmp_path, "-x")
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert status == pytest.ExitCode.TESTS_FAILED and "1 failed" in said and "test_dies" not in said
    assert (tmp_path / "cleaned").exists()


def test_files_keep_their_order() -> None:
    assert by_file([Path("b"), Path("b"), Path("a"), Path("b")]) == [[0, 1, 3], [2]]
