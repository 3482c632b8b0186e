"""cloudbuild.yaml: it matches its schema, and agrees with infra/ and the catalog."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from emulators.toolkit import ROOT
from infra.rollout import command as rollout_command
from infra.rollout.steps import STEPS as STEPS_OF_TRAFFIC

FILE = ROOT / "cloudbuild.yaml"
BUILD: dict[str, Any] = yaml.safe_load(FILE.read_text())
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in BUILD["steps"]}


def test_the_schema_takes_it_and_refuses_a_typing_mistake() -> None:
    import jsonschema  # takes two seconds, which every worker would pay
    from check_jsonschema.builtin_schemas import get_builtin_schema

    schema = jsonschema.Draft7Validator(get_builtin_schema("vendor.cloudbuild"))
    assert schema.is_valid(BUILD)
    for old, new in (("waitFor:", "waitfor:"), ("script:", "scripts:"), ("  - id: push", "  - ident: push")):
        assert not schema.is_valid(yaml.safe_load(FILE.read_text().replace(old, new))), new


def before(step: str) -> set[str]:
    """All steps that have ended when this one begins."""
    direct = set(STEPS[step]["waitFor"]) - {"-"}
    return direct | {earlier for name in direct for earlier in before(name)}


def test_nothing_is_pushed_untried_and_no_code_meets_an_older_schema() -> None:
    assert before("push") == {"build", "suite", "try-image"}
    assert "push" in before("migrate")
    assert {"migrate", "attest"} <= before("rollout")
    assert {"suite", "try-image", "push"} <= before("attest")


def test_the_database_that_serves_is_migrated() -> None:
    """After a restore that is another one; `wallet` would be migrated, and the code would meet the older schema."""
    assert 'SPANNER_DATABASE="$_DATABASE"' in STEPS["migrate"]["script"]


def test_a_plan_has_every_secret_variable_and_each_has_its_secret() -> None:
    """A plan without a variable that people give by hand would remove what they have made by it."""
    apply = yaml.safe_load((ROOT / "infra/apply.cloudbuild.yaml").read_text())
    (terraform,) = (step for step in apply["steps"] if step["id"] == "terraform")
    secrets = {one["env"]: one["versionName"] for one in apply["availableSecrets"]["secretManager"]}
    variables = "".join(path.read_text() for path in (ROOT / "infra").glob("variables*.tf"))
    sensitive = re.findall(r'variable "(\w+)" \{(?:(?!\n\}).)*?\n  sensitive += true', variables, re.S)
    assert sensitive
    assert {f"TF_VAR_{name}" for name in sensitive} == set(secrets) == set(terraform["secretEnv"])
    guide = (ROOT / "docs/deployment.md").read_text()
    for name in (version.split("/")[3] for version in secrets.values()):
        assert guide.count(f"gcloud secrets add-iam-policy-binding {name} ") == 2, name


def test_scripts_are_shell_that_stops_at_a_failure() -> None:
    for step in STEPS.values():
        if "script" in step:
            lines = step["script"].splitlines()
            assert lines[:2] == ["#!/usr/bin/env bash", "set -euo pipefail"], step["id"]
            done = subprocess.run(
                ["bash", "-n"], input=step["script"], text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stderr


def test_variables_are_those_that_cloud_build_gives() -> None:
    given = {*BUILD["substitutions"], "PROJECT_ID", "SHORT_SHA", "CANARY_SECRET"}
    text = "\n".join(step.get("script", "") + " ".join(step.get("args", [])) for step in STEPS.values())
    assert set(re.findall(r"\$\{?([A-Z_]+)\b", text)) <= given
    assert "latest" not in text


def test_a_rollout_ends_before_its_build_does() -> None:
    """The waits alone take one bake for each region and step; the suite and the image come before it."""
    values = BUILD["substitutions"]
    waiting = len(values["_REGIONS"].split(",")) * len(STEPS_OF_TRAFFIC) * int(values["_BAKE"])
    assert waiting + 3600 + 1800 <= int(BUILD["timeout"].removesuffix("s"))


def test_a_rebuild_of_a_commit_has_a_tag_of_its_own() -> None:
    """The registry's tags are immutable, and a second build has other bytes."""
    assert BUILD["substitutions"]["_TAG"] == "${SHORT_SHA}-${BUILD_ID}"
    tagged = re.findall(r"/wallet:(\S+?)\"", FILE.read_text())
    assert len(tagged) >= 4
    assert {re.sub(r"\W", "", tag) for tag in tagged} == {"_TAG"}


def test_the_rollout_is_called_as_it_wants_and_by_digest() -> None:
    text = STEPS["rollout"]["script"].replace("\\\n", " ")
    values = BUILD["substitutions"] | {"PROJECT_ID": "p", "SHORT_SHA": "1a2b3c4"}
    line = next(line for line in text.splitlines() if "infra.rollout" in line)
    line = re.sub(r"\$\(cat image\)", "r/wallet@sha256:" + "a" * 64, line)
    line = re.sub(r"\$(\w+)", lambda found: str(values[found[1]]), line)
    options = rollout_command.parser().parse_args(shlex.split(line.partition("infra.rollout ")[2]))
    made = rollout_command.made(options)
    assert (made.regions, made.bake) == (["asia-east1", "europe-west1", "us-east1", "us-central1"], 300)
    assert made.smoke.url == "https://{service}.canary-{region}.wallet.example.com"


def test_the_function_that_is_tried_needs_nothing_but_spanner() -> None:
    operations = json.loads((ROOT / "schemas/catalog.json").read_text())["operations"]
    target = re.search(r"FUNCTION_TARGET=(\w+)", STEPS["try-image"]["script"])
    assert target
    assert operations[target[1]]["needs"] == ["spanner"]


def test_emulators_are_the_ones_of_local_runs() -> None:
    compose = yaml.safe_load((ROOT / "emulators/compose.yaml").read_text())["services"]
    text = FILE.read_text()
    assert compose["spanner"]["image"] in text
    assert compose["pubsub"]["image"] == STEPS["suite"]["name"]


@pytest.mark.parametrize(
    "command", [["run", "deploy"], ["run", "services", "update-traffic"], ["run", "services", "update"]]
)
def test_gcloud_knows_the_options_that_the_rollout_gives(command: list[str]) -> None:
    """The installed gcloud's own reference has them."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("gcloud is not installed")
    text = subprocess.run([gcloud, *command, "--help"], capture_output=True, text=True, check=False).stdout
    text = re.sub(r"\x1b\[\d*m", "", text)
    wanted = {
        "deploy": ("--no-traffic", "--tag=", "--update-labels=", "--image=", "--region="),
        "update-traffic": ("--to-revisions=", "--region="),
        "update": (
            "--no-traffic",
            "--tag=",
            "--update-labels=",
            "--image=",
            "--region=",
            "--update-secrets=",
        ),
    }[command[-1]]
    assert [option for option in wanted if option not in text] == []
