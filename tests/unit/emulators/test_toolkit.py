"""Find the emulators' programs: `gcloud` on PATH, else Docker Compose, else one clear message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from emulators import toolkit
from emulators.services import FIRESTORE, PUBSUB, SERVICES, SPANNER, check
from emulators.toolkit import Missing


class Program(Protocol):
    """Writes a program below the test's folder and returns its path."""

    def __call__(self, place: str, text: str = ...) -> Path: ...


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Writes programs into a folder that is the whole PATH; nothing else is installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    caches = (toolkit.sdk_root, toolkit.docker_works)
    for cached in caches:
        cached.cache_clear()

    def write(place: str, text: str = "#!/bin/sh\nexit 0\n") -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    yield write
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def sdk(program: Program, tmp_path: Path) -> Path:
    """A Google Cloud CLI whose `gcloud` is a link, as packages install it, and Java."""
    root = tmp_path / "sdk"
    program("sdk/bin/cloud_spanner_emulator/emulator_main", "")
    program("sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar", "")
    program("sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar", "")
    program("bin/java", "")
    (tmp_path / "bin/gcloud").symlink_to(program("sdk/bin/gcloud", ""))
    return root


def test_emulators_are_found_behind_the_link_that_gcloud_is(sdk: Path) -> None:
    spanner, container = SPANNER.command(21000, None)
    assert spanner[0] == str(sdk / "bin/cloud_spanner_emulator/emulator_main")
    assert spanner[1:3] == ["--host_port", "127.0.0.1:21000"]
    assert not container
    for service, jar in (
        (PUBSUB, "cloud-pubsub-emulator-0.8.20-all.jar"),
        (FIRESTORE, "cloud-firestore-emulator.jar"),
    ):
        command, container = service.command(21000, None)
        assert any(argument.endswith(jar) for argument in command)
        assert command[-2:] == ["--host=127.0.0.1", "--port=21000"]
        assert not container


def test_spanner_aborts_nothing_unless_asked_to(sdk: Path) -> None:
    assert SPANNER.command(21000, None)[0][-2:] == ["--abort_current_transaction_probability", "10"]
    flags = ["--abort_current_transaction_probability", "100"]
    assert SPANNER.command(21000, flags)[0][-2:] == flags


def test_docker_compose_runs_the_official_image_where_the_cli_has_no_emulator(program: Program) -> None:
    program("bin/docker")
    command, container = PUBSUB.command(21000, None)
    assert container
    assert command[:4] == ["docker", "compose", "-p", "wallet-pubsub-21000"]
    assert command[-1] == "pubsub"
    assert all(
        f"\n  {name}:\n" in toolkit.COMPOSE_FILE.read_text() for name in ("spanner", "pubsub", "firestore")
    )


def test_flags_of_the_callers_own_are_not_dropped_by_a_container(program: Program) -> None:
    program("bin/docker")
    with pytest.raises(Missing, match="takes other flags"):
        SPANNER.command(21000, ["--abort_current_transaction_probability", "100"])


@pytest.mark.parametrize("docker", ["absent", "no engine", "no compose"])
def test_where_neither_is_there_one_message_says_what_to_install(program: Program, docker: str) -> None:
    if docker != "absent":
        broken = "version" if docker == "no engine" else "compose"
        program("bin/docker", f'#!/bin/sh\ncase "$1" in {broken}) exit 1;; esac\n')
    with pytest.raises(Missing) as raised:
        check([SPANNER, FIRESTORE])
    text = str(raised.value)
    for remedy in (
        "gcloud components install cloud-spanner-emulator cloud-firestore-emulator",
        "and Java 17",
        "Docker with Compose",
        "set SPANNER_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST",
    ):
        assert remedy in text


def test_a_missing_node_is_said_to_come_from_make_setup(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolkit, "ROOT", Path("/nonexistent"))
    with pytest.raises(Missing, match="make setup"):
        SERVICES["node"].command(21000, None)


def test_the_node_is_quiet_about_its_keys_and_mines_every_second(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    anvil = program("bin/anvil")
    monkeypatch.setattr(toolkit, "ROOT", Path("/nonexistent"))
    command, _ = SERVICES["node"].command(21000, None)
    assert command[0] == str(anvil)
    assert "--quiet" in command
    assert command[-2:] == ["--block-time", "1"]
