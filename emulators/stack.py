"""A set of emulators and a node that this process owns; they end with it.

    with Stack.start(Path(".run/mine")) as stack:
        os.environ.update(stack.env)

Services that the environment names (SPANNER_EMULATOR_HOST, PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST, RPC_URL) are
used and left running. The others are started on free ports of 127.0.0.1 and answer before `start` returns. A service
that is not installed may be embedded; `selection.py` decides.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from emulators import ports, probes, process, selection
from emulators.services import SERVICES, Service, check

# A container's image may have to be pulled first.
_NATIVE_SECONDS, _CONTAINER_SECONDS, _GIVEN_SECONDS = 30.0, 300.0, 5.0

# What every client needs besides the addresses. A value in the caller's environment takes precedence.
_DEFAULTS = {
    "ENVIRONMENT": "local",
    "GOOGLE_CLOUD_PROJECT": probes.PROJECT,
    "SPANNER_INSTANCE": "wallet",
    "SPANNER_DATABASE": "wallet",
    "SPANNER_DISABLE_BUILTIN_METRICS": "true",
}
# Callers cannot change this: with multiplexed sessions, concurrent read-write transactions fail on the emulator with an
# error that no client retries.
_FORCED = {"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW": "false"}


class StartError(Exception):
    """A service did not start, or one that the environment names does not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Started:
    """A service that this stack started."""

    service: Service
    child: process.Child
    port: int
    container: bool

    @property
    def address(self) -> str:
        return self.service.address(self.port)


@dataclass(slots=True)
class Stack:
    """Running services, and the environment with which clients find them."""

    workdir: Path
    env: dict[str, str] = field(default_factory=dict)
    started: dict[str, Started] = field(default_factory=dict)
    owned: bool = True
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    chosen: dict[str, selection.Choice] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        workdir: Path,
        services: Iterable[str] = tuple(SERVICES),
        *,
        given: Mapping[str, str] | None = None,
        flags: Mapping[str, Sequence[str]] | None = None,
        owned: bool = True,
    ) -> Self:
        """Start services that `given` (by default os.environ) does not name, and wait until all services answer.

        `services` are names in SERVICES. `flags` replace the flags of a service, by its name. Logs go to
        `workdir/<name>.log`. With `owned=False` the children outlive this process. Raises StartError, Missing.
        """
        given = os.environ if given is None else given
        defaults = {name: given.get(name) or value for name, value in _DEFAULTS.items()}
        stack = cls(workdir, {**defaults, **_FORCED}, owned=owned, flags=flags or {})
        stack.chosen = selection.choose([SERVICES[name] for name in services], given)
        wanted = [SERVICES[name] for name, choice in stack.chosen.items() if choice != "embedded"]
        absent = [service for service in wanted if stack.chosen[service.name] == "emulator"]
        check(absent)
        stack._embed(given)
        try:
            for service in absent:
                stack._spawn(service)
            for service in wanted:
                stack._settle(service, given)
        except BaseException:
            stack.stop()
            raise
        return stack

    def stop(self) -> None:
        """End every service that this stack started. A second call does nothing."""
        running = self.started.values()
        slow = any(started.container for started in running)
        process.stop([started.child for started in running], grace=15.0 if slow else 5.0)
        for name in self.started:
            shutil.rmtree(self._own_folder(name), ignore_errors=True)
        self.started.clear()

    def restart(self, name: str) -> None:
        """Restart one service on the same port, so that it forgets everything and is fast again."""
        old = self.started.pop(name)
        process.stop([old.child])
        self._spawn(old.service, old.port)
        self._settle(old.service, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _embed(self, given: Mapping[str, str]) -> None:
        """Set the environment of embedded services. Removes this stack's own file if the node starts a new chain."""
        embedded = [name for name, choice in self.chosen.items() if choice == "embedded"]
        file = Path(given.get("EMBEDDED_FILE") or self.workdir.resolve() / "store.sqlite")
        self.env["EMBEDDED"] = ",".join(embedded)
        if embedded:
            self.env["EMBEDDED_FILE"] = str(file)
        if embedded and self.chosen.get("node") == "emulator" and not given.get("EMBEDDED_FILE"):
            for one in file.parent.glob(f"{file.name}*"):
                one.unlink()

    def _spawn(self, service: Service, port: int | None = None) -> None:
        with ports.reserve(port) as (chosen, lock):
            folder = self._own_folder(service.name)
            shutil.rmtree(folder, ignore_errors=True)  # left by a killed process
            if service.own_folder:
                folder.mkdir(parents=True)
            command, container = service.command(chosen, self.flags.get(service.name), folder)
            child = process.spawn(
                service.name,
                command,
                self.workdir / f"{service.name}.log",
                owned=self.owned,
                # On SIGTERM, Compose stops its containers.
                death=signal.SIGTERM if container else signal.SIGKILL,
                env={"EMULATOR_PORT": str(chosen)} if container else None,
                keep=[lock],
            )
        self.started[service.name] = Started(service, child, chosen, container)

    def _own_folder(self, name: str) -> Path:
        return self.workdir.resolve() / f"{name}-files"

    def _settle(self, service: Service, given: Mapping[str, str]) -> None:
        started = self.started.get(service.name)
        if started is None:
            address = given[service.variable]
            _answers(service, address)
        else:
            address = started.address
            _wait(started)
        self.env[service.variable] = address


def _answers(service: Service, address: str) -> None:
    try:
        service.probe(address, _GIVEN_SECONDS)
    except probes.NotReady as error:
        raise StartError(
            f"{service.variable}={address} is set but does not answer ({error}). "
            f"Start it, or unset {service.variable} to have one started."
        ) from None


def _wait(started: Started) -> None:
    name, child = started.service.name, started.child
    seconds = _CONTAINER_SECONDS if started.container else _NATIVE_SECONDS
    deadline, reason = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            started.service.probe(started.address, 2.0)
        except probes.NotReady as error:
            reason = str(error)
        else:
            if child.alive:
                return
        if not child.alive:
            raise StartError(f"{name} ended at its start:\n{process.tail(child.log)}")
        time.sleep(0.03)
    raise StartError(f"{name} did not answer within {seconds:g} s ({reason}):\n{process.tail(child.log)}")
