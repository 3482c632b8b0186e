"""Run the documents' blocks as shown. A copy of the product gets the example operation of docs/adding_an_operation.md.
The blocks of the API guide are then pasted into interactive shells, from top to bottom, into bash and then into zsh. So
they also work twice in a row, on a port that is not the default.

A block of text or JSON below a shell block is its output: the test looks for each of its lines, and `…` matches
anything. An error or a shell's complaint that the document does not show is a failure.
"""

from __future__ import annotations

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
from emulators.solidity import KEPT, compiled
from tests.unit.docs.pages import ROOT, Fence, Page
from tests.unit.docs.steps import add_example, copy_product

ADDING, GUIDE = Page(ROOT / "docs" / "adding_an_operation.md"), Page(ROOT / "docs" / "api.md")
MARK = "@@@ block"
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}
QUIET = {"bash": "PS1= PS2=", "zsh": "unsetopt prompt_sp prompt_cr; PS1= PS2="}
# Signs of a failure: an error of the product, of python, or of a shell.
WRONG = re.compile(
    r"^([A-Z_]+: |Traceback|\w*Error\b|(ba|z)?sh: (?!cannot set terminal|no job control)|curl: )"
)


@dataclass(frozen=True)
class Block:
    """A block of shell and the output lines that the document shows below it."""

    line: int
    text: str
    shown: tuple[str, ...]


def blocks(*pages: Page) -> list[Block]:
    """The shell blocks in order. JSON and text belong to the block before them."""
    found: list[Block] = []
    for fence in (fence for page in pages for fence in page.fences()):
        if fence.shell and pasted(fence):
            found.append(Block(fence.line, fence.text, ()))
        elif fence.info in (("text",), ("json",)) and found:
            last = found.pop()
            found.append(Block(last.line, last.text, (*last.shown, *fence.text.splitlines())))
    return found


def pasted(fence: Fence) -> bool:
    """All of the guide's blocks, and those of the other page that call the API."""
    return "$HOST" in fence.text or "api $" in fence.text or "$API" in fence.text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with the example operation added and its files generated again."""
    folder = tmp_path_factory.mktemp("documents") / "product"
    copy_product(folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")  # solc, for the test coin
    compiled(ROOT / "emulators" / "sandbox")
    shutil.copytree(KEPT, folder / KEPT.relative_to(ROOT))  # so that the copy need not compile the coin again
    add_example(ADDING, folder)
    run(folder, "-m", "schemas.contract.generate")
    return folder


@pytest.fixture(scope="module")
def host(copy: Path, own_world: Mapping[str, str]) -> Iterator[int]:
    """Run the copy like `make run`; returns its host and port."""
    with ports.reserve(None) as (port, _):
        pass
    env = {"PORT": str(port), "OPERATOR_PASSWORD": "operator of the documents", "PYTHONPATH": ""}
    child = process.spawn(
        "run", [sys.executable, "-m", "emulators", "run"], copy / "run.log", env=env, cwd=copy
    )
    try:
        wait_for("the guide", lambda: not child.alive or "is up" in process.tail(child.log, 100), 60.0)
        assert child.alive, process.tail(child.log)
        yield port
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


@pytest.mark.parametrize("shell", SHELLS)
def test_the_guides_blocks_print_what_it_shows(host: int, copy: Path, shell: str) -> None:
    for program in (shell, "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {program}")
    wanted = blocks(GUIDE, ADDING)
    printed = paste(shell, wanted, copy, {"PORT": str(host)})
    problems = [
        said for block, (out, err) in zip(wanted, printed, strict=True) for said in wrong(block, out, err)
    ]
    assert problems == []


def paste(shell: str, wanted: list[Block], folder: Path, env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Paste the blocks; returns what each wrote to standard output and to standard error."""
    marked = "\n".join(f"{block.text}\necho '{MARK}'; echo '{MARK}' >&2" for block in wanted)
    # A python3 that a version manager puts first on PATH takes five times as long, for each field of an answer.
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        SHELLS[shell], input=f"{QUIET[shell]}\n{marked}\nexit 0\n", cwd=folder,
        env=os.environ | env | {"PATH": programs}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    outs, errs = (re.split(rf"^.*{MARK}$", text, flags=re.MULTILINE) for text in (done.stdout, done.stderr))
    assert len(outs) == len(errs) == len(wanted) + 1, done.stdout[-2000:] + done.stderr[-2000:]
    return list(zip(outs[:-1], errs[:-1], strict=True))


def wrong(block: Block, out: str, err: str) -> Iterator[str]:
    """The differences between a block's output and the document."""
    where, lines = f"docs/api.md:{block.line}", [*out.splitlines(), *err.splitlines()]
    for line in block.shown:
        if not any(fits(line, printed) for printed in lines):
            yield f"{where}: {line!r} is not among {lines}"
    for printed in lines:
        if WRONG.match(printed) and not any(fits(line, printed) for line in block.shown):
            yield f"{where}: {printed}"


def fits(shown: str, printed: str) -> bool:
    """Tell whether a printed line matches the line in the document."""
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize(
    ("shown", "out", "err", "count"),
    [
        (("active",), "active\n", "", 0),
        (("active",), "still pending\n", "", 1),
        (("ord_…",), "ord_x1\n", "", 0),
        (("FORBIDDEN: …",), "\n", "FORBIDDEN: no.\n", 0),
        ((), "", "NOT_FOUND: There is none.\n", 1),
        ((), "", "zsh: no matches found: /orders?x\n", 1),
        ((), "", "Traceback (most recent call last):\n", 1),
    ],
)
def test_other_output_is_found(shown: tuple[str, ...], out: str, err: str, count: int) -> None:
    assert len(list(wrong(Block(1, "", shown), out, err))) == count


def test_what_interactive_shells_do_not_take_is_not_shown() -> None:
    """Pasted into zsh, text after # is executed, and ! and ? are expanded by special rules."""
    for block in blocks(GUIDE, ADDING):
        assert not re.search(r"(^|\s)#\s", block.text), f"line {block.line}: a comment"
        assert not re.search(r'"[^"\n]*!', block.text), f"line {block.line}: ! in double quotes"
        assert "until " not in block.text and "while " not in block.text, f"line {block.line}: may never end"
