"""A command without a configured store says so in a sentence, and creates no state."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.toolkit import ROOT

COMMANDS = (
    ("shared.ops.audit", "verify"),
    ("shared.ops.rotate_token_keys", "next"),
    ("schemas.database.migrate",),
    (
        "functions_framework",
        "--source",
        str(ROOT / "functions/main.py"),
        "--target",
        "get_supply",
        "--port",
        "1",
    ),
)


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[0])
def test_a_command_without_a_store_ends_with_one_sentence(line: tuple[str, ...], tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *line]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "The environment does not say which store and keys to use: start `make run`"
    )
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert list(tmp_path.iterdir()) == []
