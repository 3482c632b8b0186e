"""Follow docs/adding_an_operation.md to the letter in a fresh clone: the result passes `make check` at the first try.

`make prove PART=adding` runs it. The checks are those of the Makefile, in its order. The clone sets up no virtual
environment: it borrows the one that runs this proof.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, Page
from tests.unit.docs.steps import add_example, copy_product, named

ADDING = Page(ROOT / "docs" / "adding_an_operation.md")
BORROWED = (".venv", "node_modules", "clients/typescript/node_modules")


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(rf"^{target}:.*\n((\t.*\n)+)", text, re.MULTILINE)
    assert found, f"the Makefile has no {target}"
    plain = found[1].replace("$(PYTEST)", "$(PY) -m pytest").replace("$(PY)", ".venv/bin/python")
    return [line.strip() for line in plain.splitlines()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a repository with all files of this one, and add the example operation."""
    folder = tmp_path_factory.mktemp("adding") / "product"
    copy_product(folder, lambda top: True)
    for name in BORROWED:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to((ROOT / name).resolve())
    add_example(ADDING, folder)
    assert "`make format`" in ADDING.text and "`make generate`" in ADDING.text
    for command in (*recipe("format"), *recipe("generate")):
        run(folder, command)
    for command in ("git init -q", "git add -A", "git -c user.name=a -c user.email=a@b commit -qm all"):
        run(folder, command)
    return folder


def run(folder: Path, command: str) -> str:
    env = os.environ | {"PYTHONPATH": "", "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_the_steps_say_where_everything_goes(clone: Path) -> None:
    module, operation, test = named(ADDING)
    assert "class CountSupplies(Request):" in (clone / module).read_text()
    assert (clone / operation).read_text().startswith('"""How many supplies one has')
    assert "def test_supplies_are_counted" in (clone / test).read_text()


def test_its_own_test_passes(clone: Path) -> None:
    (command,) = re.findall(r"`make test (TESTS=\S+)`", ADDING.text)
    path = command.partition("=")[2]
    assert "1 passed" in run(clone, f".venv/bin/python -m pytest -p no:cacheprovider {path}")


@pytest.mark.parametrize("command", recipe("check"))
def test_every_check_passes_at_first_try(clone: Path, command: str) -> None:
    run(clone, command)


def test_the_proof_can_fail(clone: Path) -> None:
    (clone / "schemas" / "catalog.json").write_text("{}\n")
    with pytest.raises(AssertionError, match=r"stale: schemas/catalog.json"):
        run(clone, ".venv/bin/python -m schemas.contract.generate --check")
