"""The emulators start by themselves, answer for real, use existing services, and never outlive their owner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators import ports, probes, process, toolkit
from emulators.services import SERVICES
from emulators.stack import Stack, StartError
from emulators.toolkit import ROOT
from schemas.database import migrate, migration_files
from tests.support import own_spanner
from tests.support.own_spanner import OwnSpanner

pytestmark = pytest.mark.emulators

_OWNER = """
import json, sys, time
from pathlib import Path
from emulators.process import exit_on_signals
from emulators.stack import Stack
exit_on_signals()
with Stack.start(Path(sys.argv[1]), given={}) as stack:
    print(json.dumps({n: [s.child.process.pid, s.port] for n, s in stack.started.items()}), flush=True)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.05)  # short: Python does not see a signal that comes just before a sleep until the sleep ends
"""


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m emulators …` like a person, in an environment that names no emulator."""
    given = {service.variable for service in SERVICES.values()}
    env = {name: value for name, value in os.environ.items() if name not in given}
    line = [sys.executable, "-m", "emulators", "--dir", str(folder), *arguments]
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)


def test_every_service_of_the_run_answers_its_own_question(emulators: Mapping[str, str]) -> None:
    for service in SERVICES.values():
        service.probe(emulators[service.variable], 5.0)
    assert emulators["GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW"] == "false"


def test_what_the_environment_names_is_used_and_left_running(
    emulators: Mapping[str, str], tmp_path: Path
) -> None:
    with Stack.start(tmp_path, given=emulators) as stack:
        assert not stack.started
        assert stack.env["SPANNER_EMULATOR_HOST"] == emulators["SPANNER_EMULATOR_HOST"]
    SERVICES["spanner"].probe(emulators["SPANNER_EMULATOR_HOST"], 5.0)


def test_an_address_where_nothing_answers_is_refused_by_its_name(tmp_path: Path) -> None:
    with (
        ports.reserve() as (port, _),
        pytest.raises(
            StartError, match=rf"SPANNER_EMULATOR_HOST=127\.0\.0\.1:{port} is set but does not answer"
        ),
    ):
        Stack.start(tmp_path, ["spanner"], given={"SPANNER_EMULATOR_HOST": f"127.0.0.1:{port}"})


def test_a_service_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"spanner ended at its start:\n.*no_such_flag"):
        Stack.start(tmp_path, ["spanner"], given={}, flags={"spanner": ["--no_such_flag"]})


def test_a_restarted_service_keeps_its_address_and_forgets_its_state(tmp_path: Path) -> None:
    with Stack.start(tmp_path, ["node"], given={}, flags={"node": ["--no-mining"]}) as stack:
        url = stack.env["RPC_URL"]
        ask(url, "anvil_mine", "0x5")
        assert ask(url, "eth_blockNumber") == "0x5"
        stack.restart("node")
        assert ask(stack.env["RPC_URL"], "eth_blockNumber") == "0x0"
        assert stack.env["RPC_URL"] == url
    assert "Private Keys" not in (tmp_path / "node.log").read_text()


def test_a_container_is_given_its_port_and_stopped_like_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script replaces Docker and runs the emulator in the image: the test checks the wiring without an engine."""
    emulator = toolkit.spanner()
    assert emulator is not None
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    run = f'exec {emulator[0]} --host_port "127.0.0.1:$EMULATOR_PORT"'
    docker.write_text(f'#!/bin/sh\necho "$@"\ncase "$*" in *" up "*) {run};; esac\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(docker.parent), prepend=":")
    monkeypatch.setattr(toolkit, "sdk_root", lambda: None)
    monkeypatch.setattr(toolkit, "docker_works", lambda: True)
    with Stack.start(tmp_path, ["spanner"], given={"STORE": "emulator"}) as stack:
        port = stack.started["spanner"].port
        assert (
            f"-p wallet-spanner-{port} -f {toolkit.COMPOSE_FILE} up" in (tmp_path / "spanner.log").read_text()
        )
    assert not ports.held(port)


def test_a_slow_spanner_emulator_is_started_anew_at_the_same_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack.start(tmp_path, ["spanner"], given={"STORE": "emulator"}) as stack:
        monkeypatch.setenv("SPANNER_EMULATOR_HOST", address := stack.env["SPANNER_EMULATOR_HOST"])
        own, before = OwnSpanner(stack), stack.started["spanner"].child
        own.emptied.append(handle := database_of_its_own())
        monkeypatch.setattr(own_spanner, "SLOW_SECONDS", 60.0)
        own.renew()
        assert before.alive and own.emptied == [handle] and handle.exists()
        monkeypatch.setattr(own_spanner, "SLOW_SECONDS", 0.0)
        own.renew()
        assert not before.alive and own.emptied == [] and not handle.exists()
        assert stack.started["spanner"].address == address
        assert database_of_its_own().exists()


def database_of_its_own() -> Any:
    from google.cloud import spanner

    client = spanner.Client(project=probes.PROJECT, disable_builtin_metrics=True)
    migrate.fresh(client, "wallet", "one", migration_files.migrations()[:1])
    return client.instance("wallet").database("one")


def ask(url: str, method: str, *params: str) -> str:
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return str(httpx.post(url, json=question, timeout=5).json().get("result"))


def test_a_port_is_held_for_as_long_as_its_child_lives(tmp_path: Path) -> None:
    with ports.reserve() as (port, lock):
        child = process.spawn("sleeper", ["sleep", "60"], tmp_path / "log", keep=[lock])
    assert ports.held(port)
    with pytest.raises(OSError, match="is taken"), ports.reserve(port):
        pass
    process.stop([child])
    assert not ports.held(port)


def test_an_owned_child_is_refused_outside_the_main_thread(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool, pytest.raises(RuntimeError, match="main thread"):
        pool.submit(process.spawn, "sleeper", ["sleep", "60"], tmp_path / "log").result()


def test_a_child_that_ignores_the_polite_signal_is_ended_all_the_same(tmp_path: Path) -> None:
    child = process.spawn(
        "stubborn", ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], tmp_path / "log"
    )
    assert eventually(lambda: "up" in process.tail(child.log))
    process.stop([child], grace=0.1)
    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere no kernel ends the children of a killed parent"
)
def test_no_service_outlives_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        started = json.loads(owner.stdout.readline())
        assert set(started) == set(SERVICES)
        assert all(ports.held(port) for _, port in started.values())
        owner.send_signal(number)
        owner.wait(20)
    assert eventually(lambda: not any(ports.held(port) for _, port in started.values()))


def test_up_status_env_logs_and_down(tmp_path: Path) -> None:
    assert command(tmp_path, "status").returncode == 1
    try:
        up = command(tmp_path, "up")
        assert up.returncode == 0, up.stderr
        assert up.stdout.count(" ready ") == len(SERVICES)
        assert command(tmp_path, "up").stdout == up.stdout
        exported = dict(
            line.removeprefix("export ").split("=", 1)
            for line in command(tmp_path, "env").stdout.split("\n")
            if line
        )
        for service in SERVICES.values():
            service.probe(exported[service.variable], 5.0)
        assert "Server address" in command(tmp_path, "logs", "spanner").stdout
        held = [
            service["port"] for service in json.loads((tmp_path / "emulators.json").read_text())["services"]
        ]
    finally:
        down = command(tmp_path, "down")
    assert down.stdout == f"{len(SERVICES)} services stopped\n"
    assert not any(ports.held(port) for port in held)
    assert command(tmp_path, "env").returncode == 1


def test_up_replaces_a_stack_of_which_a_part_has_died(tmp_path: Path) -> None:
    try:
        assert command(tmp_path, "up").returncode == 0
        before = {s["name"]: s for s in json.loads((tmp_path / "emulators.json").read_text())["services"]}
        process.signal_group(before["spanner"]["pid"], signal.SIGKILL)
        assert eventually(lambda: not ports.held(before["spanner"]["port"]))
        assert "DEAD" in command(tmp_path, "status").stdout
        assert command(tmp_path, "up").stdout.count(" ready ") == len(SERVICES)
        assert not ports.held(before["pubsub"]["port"])
    finally:
        command(tmp_path, "down")
