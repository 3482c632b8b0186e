"""Run the examples of docs/grpc.md as shown: the Python example on clients made by protoc, and grpcurl if it is
installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from shared.runtime import operation
from shared.triggers.rpc import server
from tests.emulated.desk.world import Desk
from tests.unit.docs.pages import ROOT, Page

FENCES = Page(ROOT / "docs" / "grpc.md").fences()
SHELL = [fence.text for fence in FENCES if fence.shell and not fence.cloud]
(PYTHON,) = (fence.text for fence in FENCES if fence.info == ("python",))


@pytest.fixture
def env(desk: Desk) -> Iterator[Mapping[str, str]]:
    """The variables that the examples need."""
    token = desk.app.token(desk.shopper(supply=None))
    with server.beside(operation.catalog(), "127.0.0.1:0", 4) as running:
        yield {**os.environ, "GRPC": f"127.0.0.1:{running.port}", "TOKEN": token}


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_example(env: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "schemas").symlink_to(ROOT / "schemas")
    (making,) = (text for text in SHELL if "protoc" in text)
    run(["bash", "-ec", making.replace(".venv/bin/python", sys.executable)], tmp_path, env)
    said = run([sys.executable, "-c", PYTHON], tmp_path, env)
    assert said.splitlines() == ["pending 1.5 201", "NOT_FOUND NOT_FOUND"]


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
def test_grpcurl(env: Mapping[str, str], tmp_path: Path) -> None:
    (text,) = (text for text in SHELL if "grpcurl" in text)
    said = run(["bash", "-ec", text], tmp_path, env)
    for words in ("wallet.v1.OrdersService", "rpc PlaceOrder", '"chain_id"', "{\n"):
        assert words in said
