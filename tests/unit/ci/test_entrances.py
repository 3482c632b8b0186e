"""The entry points: `make help` lists every target of the Makefile, and hosted CI runs `.ci/run`."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
import yaml

from tests.unit.docs.pages import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = list(dict.fromkeys(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)))  # some are defined by cases


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    listed = re.findall(r"^  make ([\w-]+) ", done.stdout, re.MULTILINE)
    assert listed == TARGETS


def test_every_make_target_is_phony() -> None:
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert phony[1].replace("\\\n", " ").split() == TARGETS


WRONG = {
    "run PORT=80q": "PORT is a number from 1 to 65535, not 80q",
    "regions PORT=80q": "PORT is a number from 1 to 65535, not 80q",
    "observe PORT=80q": "PORT is a number from 1 to 65535, not 80q",
    "run STORE=disk": "STORE is embedded or emulator, not disk",
    "demo STORE=disk": "STORE is embedded or emulator, not disk",
    "test STORE=disk": "STORE is embedded or emulator, not disk",
    "run FRESH=0": "FRESH is 1 or is left out, not 0",
    "test TESTS=tests/nothing.py": "TESTS: there is no tests/nothing.py",
    "test TESTS=tests/nothing.py::test_it": "TESTS: there is no tests/nothing.py::test_it",
    "paint": "There is no target paint: make help lists all targets",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_makes_own_and_only_error(line: str) -> None:
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"
    }
    done = subprocess.run(
        ["make", *line.split()],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert re.fullmatch(rf"Makefile:\d+: \*\*\* {re.escape(WRONG[line])}\.  Stop\.", said)


def test_hosted_ci_runs_what_everybody_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands == [".ci/run"] and (ROOT / ".ci" / "run").is_file()
