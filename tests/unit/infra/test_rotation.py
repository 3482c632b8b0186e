"""A stolen secret is replaced in minutes: every revision with traffic has the new version, or the command reports
it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.rollout import command as rollout_command
from tests.unit.infra.clouds import RELEASE, FakeCloud, install, serving

NEW = ("--secret", "token-keys-public=2", "--parallel", "4")


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    install(tmp_path)
    made = FakeCloud(tmp_path / "world.json")
    made.start()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_GCLOUD", str(made.file))
    monkeypatch.setenv("CANARY_SECRET", "secret")
    with serving(made):
        yield made


def rotate(cloud: FakeCloud, *more: str) -> int:
    return rollout_command.main(cloud.arguments("rotate", *(more or NEW)))


def used(cloud: FakeCloud, secret: str = "token-keys-public") -> set[str]:  # noqa: S107 - a name
    """The versions of a secret that serve requests."""
    return {
        version
        for one in cloud.read()["services"].values()
        for revision in one["traffic"]
        for name, version in one["revisions"][revision]["secrets"].values()
        if name == secret
    }


def test_every_service_in_every_region_takes_requests_with_the_new_version_only(cloud: FakeCloud) -> None:
    assert rotate(cloud) == rollout_command.DONE
    assert used(cloud) == {"2"}
    assert used(cloud, "fingerprint-key") == {"1"}
    assert cloud.everywhere("new")
    images = [r["image"] for one in cloud.read()["services"].values() for r in one["revisions"].values()]
    assert set(images) == {"old"}, "a rotation is no release"
    assert "/schedule/sweep_outbox" in cloud.asked


def test_a_second_run_finds_nothing_to_do(cloud: FakeCloud) -> None:
    rotate(cloud)
    calls = len(cloud.calls)
    assert rotate(cloud) == rollout_command.DONE
    assert all(" list " in line for line in cloud.calls[calls:])


def test_the_next_release_has_the_new_version_too(cloud: FakeCloud) -> None:
    rotate(cloud)
    again = [argument if argument != RELEASE else "2b3c4d5" for argument in cloud.arguments("run")]
    assert rollout_command.main(again) == rollout_command.DONE
    assert used(cloud) == {"2"}


def test_what_fails_keeps_its_place_is_named_and_is_done_by_another_run(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.inject("services update get-order --region asia-east1", times=99)
    assert rotate(cloud) == rollout_command.STUCK
    assert "get-order in asia-east1: gcloud run services update" in capsys.readouterr().out
    assert used(cloud) == {"1", "2"}, "the others do not wait for it"
    cloud.calm()
    assert rotate(cloud) == rollout_command.DONE
    assert used(cloud) == {"2"}


def test_a_revision_that_is_not_well_gets_no_request(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.change("us-central1/get-order", sick=True)
    assert rotate(cloud) == rollout_command.STUCK
    assert "get-order in us-central1: the new revision does not get ready" in capsys.readouterr().out
    assert cloud.traffic()["us-central1/get-order"] == {"old": 100}


@pytest.mark.parametrize("secret", ["token-keys-public", "token-keys-public=latest", "token-keys-public=0"])
def test_a_version_is_a_number(cloud: FakeCloud, secret: str) -> None:
    assert rotate(cloud, "--secret", secret) == rollout_command.USAGE
    assert cloud.calls == []
