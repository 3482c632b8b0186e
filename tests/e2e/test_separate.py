"""The demo's whole job with a process for each trust behind the local gateway, as production has services."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from emulators.toolkit import ROOT


def test_the_demo_runs_across_a_process_for_each_trust() -> None:
    line = [sys.executable, "-m", "emulators", "demo"]
    env = {**os.environ, "SEPARATE": "trusts"}
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + _end_of_log(done.stdout + done.stderr)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["demo"], summary["winners"], summary["conflicts"]) == ("ok", 1, 49)


def _end_of_log(said: str) -> str:
    """Of the log that the demo names: the directory goes with the machine that ran this."""
    named = re.search(r"^see (\S+)$", said, re.MULTILINE)
    return Path(named[1]).read_text(encoding="utf-8")[-6_000:] if named else ""
