"""The demo works on a machine with Python and the node, but without Google's emulators, Java or Docker."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.toolkit import ROOT

CLAIMERS = 10  # test_separate.py and `make prove PART=bare` have all fifty
pytestmark = pytest.mark.timeout(300)  # the whole demo


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with almost no programs on PATH and no variable that names a service."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "env"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return {"PATH": str(programs), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


def test_the_demo_needs_no_emulator(bare: dict[str, str]) -> None:
    line = [sys.executable, "-m", "emulators", "demo", "--claimers", str(CLAIMERS)]
    done = subprocess.run(line, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "embedded: Spanner → SQLite, Pub/Sub → queue, Firestore → memory" in done.stdout
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["demo"], summary["winners"], summary["conflicts"]) == ("ok", 1, CLAIMERS - 1)


def test_a_deployment_does_not_start_on_it(bare: dict[str, str]) -> None:
    for env in ({"ENVIRONMENT": "prod", "STORE": "embedded"}, {"ENVIRONMENT": "prod", "EMBEDDED": "spanner"}):
        line = [sys.executable, "-m", "emulators", "demo"]
        done = subprocess.run(
            line, cwd=ROOT, env=bare | env, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode != 0 and "up at" not in done.stdout
