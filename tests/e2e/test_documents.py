"""What the documents show is run as shown: a copy of the product gets the example operation of
docs/adding_an_operation.md, then a shell pastes the API guide's blocks from top to bottom.

A comment behind a command says what its answer holds (`# 201, Idempotent-Replayed: true`), and is held to it; so is
each line of a json block that follows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulators import ports, process
from emulators.client import wait_for
from tests.e2e.job import FundedAccount, Node
from tests.unit.docs.pages import ROOT, Fence, Page, strip_comment, tracked

ADDING, GUIDE = Page(ROOT / "docs" / "adding_an_operation.md"), Page(ROOT / "docs" / "api.md")
MARK = "@@@ block"


@dataclass(frozen=True)
class Command:
    """One line of a shell block and the words that its output must hold."""

    text: str
    holds: tuple[str, ...]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with the example operation added, its files generated anew."""
    folder = tmp_path_factory.mktemp("documents") / "product"
    parts = (
        "functions",
        "schemas",
        "shared",
        "emulators",
        "tests",
        "docs",
        "pyproject.toml",
        "package-lock.json",
    )
    for name in tracked():
        if name.split("/")[0] in parts and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    models, operation, test = (fence.text for fence in ADDING.fences() if fence.info == ("python",))
    module = folder / "schemas" / "supplies.py"
    imported = replaced(module.read_text(), r"^from schemas.base import (\(\n +)?", r"\g<0>Limit, ")
    module.write_text(f"{imported}\n\n{models}")
    (folder / "functions" / "supplies" / "count_supplies.py").write_text(operation)
    (folder / "tests" / "emulated" / "desk" / "test_count.py").write_text(test)
    run(folder, "-m", "schemas.contract.generate")
    return folder


@pytest.fixture(scope="module")
def host(copy: Path, own_world: Mapping[str, str]) -> Iterator[str]:
    """The copy, running as `make run` runs it."""
    with ports.reserve(None) as (port, _):
        pass
    env = {"PORT": str(port), "OPERATOR_PASSWORD": "operator of the documents", "PYTHONPATH": ""}
    child = process.spawn(
        "run", [sys.executable, "-m", "emulators", "run"], copy / "run.log", env=env, cwd=copy
    )
    try:
        wait_for("the guide", lambda: not child.alive or "is up" in process.tail(child.log, 100), 60.0)
        assert child.alive, process.tail(child.log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop([child])


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    env = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_operation_passes_its_test_and_the_checks(copy: Path) -> None:
    made = ("functions/supplies", "tests/emulated/desk/test_count.py")
    run(copy, "-m", "ruff", "check", *made)
    run(copy, "-m", "ruff", "format", "--check", *made)
    assert "1 passed" in run(
        copy, "-m", "pytest", "-p", "no:cacheprovider", "tests/emulated/desk/test_count.py"
    )


def test_the_guides_calls_answer_what_it_says(host: str, tmp_path: Path) -> None:
    """Fences in order: shell blocks become one script, json blocks are what the block before them printed."""
    account = FundedAccount.funded(
        Node(os.environ["RPC_URL"])
    )  # others use the node's own accounts at the same time
    fences = [fence for fence in GUIDE.fences() if fence.shell or fence.info == ("json",)]
    fences += [fence for fence in ADDING.fences() if fence.shell and "$API/" in fence.text]
    script = [f"set -o pipefail\nmark() {{ printf '\\n{MARK}\\n'; }}"]
    commands: list[Command] = []
    for fence in fences:
        for command in shell_lines(fence) if fence.shell else []:
            commands.append(command)
            script.append(f"mark\n{command.text}")
    text = "\n".join(script)
    text = replaced(text, r"^HOST=.*$", f"HOST={host}")
    text = replaced(text, r"^KEY=0x[0-9a-f]{64}$", f"KEY={account.key}")
    answers = shell(text, tmp_path)
    assert len(answers) == len(commands)
    wrong = [
        f"{command.text}\n  wanted {word!r} in\n  {answer}"
        for command, answer in zip(commands, answers, strict=True)
        for word in command.holds
        if word not in answer
    ]
    assert wrong == []
    for line in (line for fence in fences if fence.info == ("json",) for line in fence.text.splitlines()):
        assert unnamed(line) in {unnamed(answer) for answer in answers}, line


def shell_lines(fence: Fence) -> list[Command]:
    """The lines of a block. What a comment behind a command says, parted by commas, its output must hold."""
    found = []
    for line in re.sub(r"\\\n\s*", " ", fence.text).splitlines():
        text = strip_comment(line)
        if text:
            comment = line.rpartition("# ")[2] if line.strip() != text else ""
            found.append(Command(text, tuple(word.strip() for word in comment.split(",") if word.strip())))
    return found


def shell(text: str, folder: Path) -> list[str]:
    """What each command of a script printed."""
    script = folder / "guide.sh"
    script.write_text(text)
    done = subprocess.run(
        ["bash", str(script)], capture_output=True, text=True, timeout=100, check=False, cwd=folder
    )
    assert done.returncode in (0, 28), done.stderr  # the stream is cut by curl's --max-time
    return [part.strip() for part in done.stdout.split(MARK)[1:]]


def replaced(text: str, pattern: str, by: str) -> str:
    changed, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    assert count == 1, f"the guide has no line like {pattern}"
    return changed


def unnamed(text: str) -> str:
    """An error answer without its request id, as canonical JSON; other texts as they are."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        answer["error"].pop("request_id", None)
    return json.dumps(answer, sort_keys=True)
