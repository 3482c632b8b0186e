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


@pytest.mark.parametrize("line", [["run"], ["regions"], ["observe"]])
def test_a_bad_port_is_makes_own_and_only_error(line: list[str]) -> None:
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"
    }
    done = subprocess.run(
        ["make", *line, "PORT=80q"],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert re.fullmatch(r"Makefile:\d+: \*\*\* PORT is a number from 1 to 65535, not 80q\.  Stop\.", said)


def test_hosted_ci_runs_what_everybody_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands == [".ci/run"] and (ROOT / ".ci" / "run").is_file()
