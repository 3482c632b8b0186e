"""Three regions on one machine survive the loss of the leader's region, under a small load (`make drill` in full)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.toolkit import ROOT

pytestmark = [
    pytest.mark.emulators,
    pytest.mark.serial,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="HAProxy is not installed (Debian: haproxy)"),
]


def test_the_region_that_leads_is_lost_and_nothing_with_it(tmp_path: Path) -> None:
    small = {"SECONDS": "4", "RATE": "12", "PHASES": "leader", "DRILL_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.drill"],
        cwd=ROOT,
        env=os.environ | small,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = json.loads((tmp_path / "drill.json").read_text())
    assert not any(found["found"].values())
    lost = found["phases"][1]
    assert lost["broken"] and lost["requests"] > lost["failed"] > 0  # some failed, others were served
    assert (tmp_path / "drill.svg").stat().st_size > 1000
