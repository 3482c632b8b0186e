"""Killed runs leave no process and no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulators import demo, run
from emulators.client import wait_for
from emulators.stack import StartError
from emulators.toolkit import ROOT

# gunicorn and its worker: the leader starts a process that must end with it, and prints its id.
LEADER = """
import os, subprocess, sys, time
worker = f"from emulators.gateway import _end_with; _end_with({os.getpid()})"
print(subprocess.Popen([sys.executable, "-c", worker]).pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_a_worker_ends_with_the_gunicorn_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", LEADER], stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout
        worker = int(leader.stdout.readline())
        assert alive(worker)
        leader.send_signal(signal.SIGKILL)
    wait_for("the worker's end", lambda: not alive(worker))


TRUSTS = """
import time
from emulators import ports, separate
with ports.reserve() as (port, lock):
    print(separate._spawn(["sleep", "60"], "public_reads", port, lock).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere no kernel ends the children of a killed parent"
)
def test_the_process_of_a_trust_ends_with_a_gateway_that_is_killed() -> None:
    command = [sys.executable, "-c", TRUSTS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout
        trust = int(gateway.stdout.readline())
        assert alive(trust)
        gateway.send_signal(signal.SIGKILL)
    wait_for("the end of the trust's process", lambda: not alive(trust))


ASKING = """
import sys, time
from pathlib import Path
from emulators.leftovers import removed
folder = Path(sys.argv[1])
folder.mkdir()
(folder / "log").touch()
with removed(folder) as left:
    print("up", flush=True)
    left.keep = sys.stdin.readline() == "keep\\n"
"""


@pytest.mark.parametrize(("said", "stays"), [("keep\n", True), ("\n", False), (None, False)])
def test_a_folder_goes_with_the_process_that_asked_for_it(
    tmp_path: Path, said: str | None, stays: bool
) -> None:
    folder, pipe = tmp_path / "folder", subprocess.PIPE
    command = [sys.executable, "-c", ASKING, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as asking:
        assert asking.stdin and asking.stdout and asking.stdout.readline() == "up\n"
        if said is None:
            asking.kill()
        else:
            asking.stdin.write(said)
    if stays:
        assert [path.name for path in folder.iterdir()] == ["log"]
    else:
        wait_for("its end", lambda: not folder.exists())


LOCKING = """
import sys
from pathlib import Path
from emulators.leftovers import removed
from emulators.run import _alone
folder = Path(sys.argv[1])
with _alone(folder) as lock, removed(folder / "node-files", hold=[lock]):
    (folder / "node-files").mkdir()
    print("up", flush=True)
    sys.stdin.readline()
"""


def test_the_next_run_begins_when_the_files_of_a_killed_one_are_gone(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "product", subprocess.PIPE
    command = [sys.executable, "-c", LOCKING, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as killed:
        assert killed.stdout and killed.stdout.readline() == "up\n"
        killed.kill()
    with run._alone(folder):
        assert not (folder / "node-files").exists()


def test_a_demo_removes_what_killed_ones_have_left(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    for name in (f"demo-{gone.pid}", f"demo-{os.getpid()}", "product"):
        (tmp_path / name).mkdir()
    demo.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"demo-{os.getpid()}", "product"]


def test_two_runs_do_not_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "END_SECONDS", 0.2)
    with (
        run._alone(tmp_path / "product"),
        pytest.raises(StartError, match="is already running"),
        run._alone(tmp_path / "product"),
    ):
        pass
    with run._alone(tmp_path / "product"):
        pass
