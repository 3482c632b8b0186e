"""Run the whole delivery against the stand-ins, from an empty project: first apply, build, migration, rollout,
rotation, the loss of a region, rollback; and refuse each role of the build's account in turn. `make prove
PART=delivery` (`WHOLE=1`) runs all of it; otherwise one build in one region, and three roles.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.toolkit import ROOT
from infra.rollout import command as rollout_command
from tests.support.proof import figure
from tests.unit.docs.pages import Page
from tests.unit.infra.builder import BUILD, Builder, StepFailedError, found
from tests.unit.infra.clouds import FakeCloud, granted, serving
from tests.unit.infra.project import Project, script

WHOLE = bool(os.environ.get("WHOLE"))
pytestmark = pytest.mark.timeout(1500 if WHOLE else 240)
whole = pytest.mark.skipif(not WHOLE, reason="make prove PART=delivery")
FIRST = "us-docker.pkg.dev/acme-wallet-prod/wallet/wallet@sha256:" + "f" * 64
# Each role of the account `delivery`, and the step that fails without it.
ROLES = {
    "roles/logging.logWriter": "logging",
    "roles/secretmanager.secretAccessor": "availableSecrets",
    "roles/artifactregistry.writer": "push",
    "roles/cloudkms.signerVerifier": "attest",
    "roles/binaryauthorization.attestorsViewer": "attest",
    "roles/containeranalysis.notes.attacher": "attest",
    "roles/containeranalysis.occurrences.editor": "attest",
    "roles/spanner.viewer": "migrate",
    "roles/spanner.databaseAdmin": "migrate",
    "roles/run.developer": "rollout",
    "roles/iam.serviceAccountUser": "rollout",
    "roles/iam.serviceAccountOpenIdTokenCreator": "rollout",
    "roles/monitoring.viewer": "rollout",
}
FEW = {"roles/secretmanager.secretAccessor", "roles/containeranalysis.notes.attacher", "roles/spanner.viewer"}


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    """A project that docs/deployment.md has just filled, with its trigger."""
    project = Project()
    for line in script():
        project.run(line)
    cloud = FakeCloud(tmp_path / "world")
    found(cloud, FIRST)
    with serving(cloud):
        yield Builder(cloud, tmp_path, project.triggers["main"])


def changed(builder: Builder, label: str = "older") -> None:
    """Act as if the running code were another tree's."""
    world = builder.cloud.read()
    for one in world["services"].values():
        for name in one["traffic"]:
            one["revisions"][name]["labels"]["closure"] = label
    builder.cloud.write(world)


def command(page: str, *words: str) -> str:
    """The only command of a document with these words."""
    lines = [line for fence in Page(ROOT / page).fences() if fence.shell for line in fence.commands()]
    (line,) = [line for line in lines if all(word in line for word in words)]
    return line


def serves(builder: Builder) -> set[str]:
    """The releases that serve requests."""
    return {
        one["revisions"][name]["labels"].get("release", "first")
        for place, one in builder.cloud.read()["services"].items()
        for name in one["traffic"]
        if place.partition("/")[0] not in builder.cloud.read()["lost"]
    }


def test_a_build_from_nothing_reaches_requests(builder: Builder) -> None:
    builder.substitutions["_REGIONS"] = "us-east1"
    assert builder.build("1a2b3c4") == [step["id"] for step in _in_order()]
    here = {place for place in builder.cloud.read()["services"] if place.startswith("us-east1/")}
    assert {place for place, to in builder.cloud.traffic().items() if to == {"new": 100}} == here
    assert builder.cloud.read()["migrated"][-1][0] == "0001_core", "the tables are not made"


@whole
def test_from_nothing_to_a_release_a_rotation_the_loss_of_a_region_and_back(builder: Builder) -> None:
    took: dict[str, float] = {}
    began = time.monotonic()

    def lap(what: str) -> None:
        nonlocal began
        took[what], began = round(time.monotonic() - began, 1), time.monotonic()

    assert builder.build("1a2b3c4") == [step["id"] for step in _in_order()]
    assert serves(builder) == {"1a2b3c4"}
    assert builder.cloud.read()["migrated"][-1][0] == "0001_core", "the tables are not made"
    lap("first build")

    assert len(builder.build("1a2b3c4")) == len(BUILD["steps"]), "a rebuild has a tag of its own"
    assert serves(builder) == {"1a2b3c4"}
    assert builder.cloud.read()["migrated"][-1] == ["nothing", "to", "migrate"]
    lap("the same commit again")

    _rotate(builder)
    lap("rotation")
    changed(builder)
    _lose_a_region(builder, "us-central1")
    lap("release without the leader's region")
    assert len(builder.build("2b3c4d5")) == len(BUILD["steps"]), "the region that came back"
    assert serves(builder) == {"2b3c4d5"}
    assert {revision["image"] for revision in _live(builder)} == {builder.cloud.read()["signed"][-2]} | {
        builder.cloud.read()["signed"][-1]
    }
    lap("the region is back")

    assert (
        builder.shell(command("docs/delivery.md", " rollback ").replace("1a2b3c4", "2b3c4d5")).returncode == 0
    )
    assert "2b3c4d5" not in serves(builder)
    lap("rollback")
    seconds = ", ".join(f"{what} {value} s" for what, value in took.items())
    figure("delivery", "stand-in", f"{len(builder.cloud.calls)} calls: {seconds}")


def _in_order() -> list[dict[str, str]]:
    """In the build's order: first those without dependencies."""
    done: list[dict[str, str]] = []
    while len(done) < len(BUILD["steps"]):
        names = {step["id"] for step in done}
        done += [s for s in BUILD["steps"] if s not in done and set(s["waitFor"]) - {"-"} <= names]
    return done


def _live(builder: Builder) -> list[dict[str, str]]:
    return [
        one["revisions"][name] for one in builder.cloud.read()["services"].values() for name in one["traffic"]
    ]


def _rotate(builder: Builder) -> None:
    """Replace a stolen token key with the document's command: first without the new versions, which is refused."""
    line = command("docs/delivery.md", " rotate ", "token-keys=2")
    done = builder.shell(line)
    assert done.returncode == rollout_command.STUCK, done.stdout
    assert "has no version 2" in done.stdout
    for name in ("token-keys", "token-keys-public"):
        assert builder.shell(f"gcloud secrets versions add {name} --data-file={name}.json").returncode == 0
    done = builder.shell(line)
    assert done.returncode == 0, done.stdout + done.stderr
    used = {tuple(pair) for revision in _live(builder) for pair in revision["secrets"].values()}  # type: ignore[attr-defined]
    assert {version for name, version in used if name.startswith("token-keys")} == {"2"}


def _lose_a_region(builder: Builder, region: str) -> None:
    """Its services do not answer, not even to gcloud; the release continues elsewhere, as the document says."""
    line = command("docs/regions.md", "terraform", "lost_regions")
    assert "-refresh=false" in line
    assert "-target=google_compute_backend_service.backend" in line, "anything else could ask the lost region"
    builder.cloud.write({**builder.cloud.read(), "lost": [region]})
    with pytest.raises(StepFailedError) as ended:
        builder.build("2b3c4d5")
    assert ended.value.step == "rollout"
    assert "2b3c4d5" not in serves(builder), "a release that cannot be looked at everywhere is nowhere"
    regions = BUILD["substitutions"]["_REGIONS"].split(",")
    builder.substitutions["_REGIONS"] = ",".join(r for r in regions if r != region)
    builder.build("2b3c4d5")
    assert serves(builder) == {"2b3c4d5"}
    writes = {place for place in builder.cloud.read()["services"] if place.startswith("us-east1/")}
    assert {"us-east1/public-writes", "us-east1/engine"} <= writes, "nothing writes while the leader is lost"
    del builder.substitutions["_REGIONS"]
    builder.cloud.write({**builder.cloud.read(), "lost": []})


@whole
def test_a_release_that_fails_ends_its_build_and_leaves_the_one_before(builder: Builder) -> None:
    builder.cloud.bad_from = {"europe-west1": 25}
    with pytest.raises(StepFailedError, match="everything is as before") as ended:
        builder.build("1a2b3c4")
    assert ended.value.step == "rollout"
    assert serves(builder) == {"first"}


def test_an_image_that_the_build_has_not_signed_is_not_deployed(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    attest = next(step for step in BUILD["steps"] if step["id"] == "attest")
    monkeypatch.setitem(attest, "script", "true")
    builder.substitutions["_REGIONS"] = "us-east1"
    with pytest.raises(StepFailedError, match="denied by Binary Authorization"):
        builder.build("1a2b3c4")
    assert serves(builder) == {"first"}


@pytest.mark.parametrize("role", [role for role in ROLES if WHOLE or role in FEW])
def test_a_build_without_one_of_its_roles_ends_where_that_is_needed(builder: Builder, role: str) -> None:
    world = builder.cloud.read()
    builder.cloud.write({**world, "roles": [each for each in world["roles"] if each != role]})
    with pytest.raises(StepFailedError, match=f"{role} is missing|403") as ended:
        builder.build("1a2b3c4")
    assert ended.value.step == ROLES[role]
    assert serves(builder) == {"first"}, "requests meet a release that was not finished"


def test_every_role_of_the_build_is_for_a_step() -> None:
    assert set(granted()) == set(ROLES)
