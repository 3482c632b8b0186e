"""The processes of all regions: emulators, a gateway in each region, the links between them, and the balancer."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from emulators import ports, process
from emulators.regions import proxy
from emulators.regions.links import Links
from emulators.regions.topology import LEADER, PLACES, READING, WRITING, round_trip
from emulators.stack import Stack, StartError
from emulators.toolkit import Missing

READY_SECONDS: Final = 90.0
HEALED_SECONDS: Final = 60.0
SPANNER, CACHE = "spanner", "cache"  # the targets of a region's links
# As in production: a request ends within two seconds, and a cache that does not answer is skipped.
LIKE_PRODUCTION: Final = {"REQUEST_SECONDS": "2", "GATEWAY_THREADS": "16"}


@dataclass(slots=True)
class Regions:
    """The running regions; `url(region)` is the front door for the users of a region."""

    stack: Stack
    workdir: Path
    links: Links = field(default_factory=Links)
    doors: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)  # ports of the gateways
    envs: dict[str, dict[str, str]] = field(default_factory=dict)
    gateways: dict[str, process.Child] = field(default_factory=dict)
    balancer: process.Child | None = None

    @classmethod
    def start(
        cls,
        workdir: Path,
        *,
        door: int | None = None,
        events: int | None = None,
        extra: Mapping[str, str] = {},
    ) -> Self:
        """Start everything; return when every region is ready and the balancer serves each front door.

        `door` is the port for users in the leader's region. `events` is the port that Pub/Sub pushes to, by default the
        balancer's. Raises StartError, Missing."""
        if shutil.which("haproxy") is None:
            raise Missing("The regions need HAProxy (Debian: apt-get install haproxy).")
        world = cls(Stack.start(workdir, given={"STORE": "emulator"}), workdir)
        try:
            world._lay(door)
            world._migrate()
            world._environments(events, extra)
            for region in PLACES:
                world._spawn(region)
            for region in PLACES:
                world.await_ready(region)
            world._balance()
        except BaseException:
            world.stop()
            raise
        return world

    def url(self, region: str) -> str:
        """The front door for users in or near `region`."""
        return f"http://127.0.0.1:{self.doors[region]}"

    def stop(self) -> None:
        process.stop([*self.gateways.values(), *([self.balancer] if self.balancer else [])])
        self.stack.stop()

    def kill(self, region: str) -> None:
        """End the region's processes by SIGKILL, like the loss of a region."""
        child = self.gateways.pop(region)
        process.signal_group(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def revive(self, region: str) -> None:
        """Start a region that was killed. Wait for it with `await_ready`."""
        deadline = time.monotonic() + 10.0
        while ports.held(self.ports[region]):  # workers end a moment after their leader
            if time.monotonic() > deadline:
                raise StartError(f"the port of {region} is still held")
            time.sleep(0.02)
        self._spawn(region)

    def lead_from(self, leader: str) -> None:
        """Move Spanner's leader to another region, so that each region is as far from Spanner as from that region."""
        for region in PLACES:
            self.links.move(region, SPANNER, round_trip(region, leader))

    def await_ready(self, region: str) -> None:
        """Wait until the region's own /ready answers 200. Raises StartError."""
        deadline = time.monotonic() + READY_SECONDS
        child = self.gateways[region]
        while not self._ready(self.ports[region]):
            if not child.alive or time.monotonic() > deadline:
                raise StartError(f"{region} did not become ready:\n{process.tail(child.log)}")
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _lay(self, door: int | None) -> None:
        """Choose all ports, and open the links from each door to each region and from each region to its stores."""
        env = self.stack.env
        with ExitStack() as held:

            def port(wanted: int | None = None) -> int:
                return held.enter_context(ports.reserve(wanted))[0]

            self.doors = {
                region: port(door if region == LEADER else None) for region in (*READING, proxy.EVENTS)
            }
            self.ports = {region: port() for region in PLACES}
            for name, region in self._ways():
                origin = LEADER if name == proxy.EVENTS else name
                target = f"127.0.0.1:{self.ports[region]}"
                self.links.add(name, region, port(), target, round_trip(origin, region))
            for region in PLACES:
                away = round_trip(region, LEADER)
                self.links.add(region, SPANNER, port(), env["SPANNER_EMULATOR_HOST"], away)
                self.links.add(region, CACHE, port(), env["FIRESTORE_EMULATOR_HOST"], 0.0)

    def _ways(self) -> list[tuple[str, str]]:
        doors = [(door, region) for door in READING for region in PLACES]
        return doors + [(proxy.EVENTS, region) for region in WRITING]

    def _migrate(self) -> None:
        import os

        from schemas.database import migrate
        from shared.settings import load

        os.environ.update(self.stack.env)
        migrate.bring_up_to_date(load())

    def _environments(self, events: int | None, extra: Mapping[str, str]) -> None:
        shared = (
            self.stack.env
            | LIKE_PRODUCTION
            | {
                "PUSH_TOKEN": secrets.token_urlsafe(24),
                "EVENTS_PORT": str(events or self.doors[proxy.EVENTS]),
                "STATE_DIR": str(self.workdir / "state"),
                "LIMITS_DATABASE": LEADER,
                "SPANNER_EMULATOR_NAME": self.stack.env["SPANNER_EMULATOR_HOST"],
                **extra,
            }
        )
        for region in PLACES:
            self.envs[region] = shared | {
                "REGION": region,
                "PORT": str(self.ports[region]),
                "CACHE_DATABASE": region,
                "SPANNER_EMULATOR_HOST": self.links.address(region, SPANNER),
                "FIRESTORE_EMULATOR_HOST": self.links.address(region, CACHE),
                "SCHEDULES": "on" if region in WRITING else "off",
            }

    def _spawn(self, region: str) -> None:
        command = [sys.executable, "-m", "emulators.gateway"]
        with ports.reserve(self.ports[region]) as (_, lock):
            log = self.workdir / f"{region}.log"
            self.gateways[region] = process.spawn(region, command, log, env=self.envs[region], keep=[lock])

    def _balance(self) -> None:
        """Write HAProxy's files, start it, and wait until every front door serves."""
        from shared.runtime import operation

        servers = {way: self.links.address(*way) for way in self._ways()}
        (self.workdir / "routes.map").write_text(proxy.routes(operation.catalog()))
        file = self.workdir / "haproxy.cfg"
        file.write_text(proxy.configuration(self.doors, servers, self.workdir))
        command = ["haproxy", "-db", "-f", str(file)]
        self.balancer = process.spawn("balancer", command, self.workdir / "haproxy.log")
        deadline = time.monotonic() + HEALED_SECONDS
        for region in READING:
            while not self._ready(self.doors[region]):
                if not self.balancer.alive or time.monotonic() > deadline:
                    raise StartError(f"the balancer does not serve:\n{process.tail(self.balancer.log)}")
                time.sleep(0.2)

    @staticmethod
    def _ready(port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=8.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
