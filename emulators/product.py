"""The whole product on this machine: emulators, node, schema, and the gateway as a separate process."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from emulators import kept, ports, process, selection
from emulators.chain_keeper import ChainKeeper
from emulators.process import Child
from emulators.sandbox import coin
from emulators.services import NODE, SERVICES
from emulators.stack import Stack, StartError
from schemas.database.migration_files import ChangedMigrationError
from shared import resources
from shared.chain.errors import ChainError
from shared.settings import LOCAL_DOMAINS

READY_SECONDS = 60.0
PORT_SECONDS = 10.0


@dataclass(slots=True)
class Product:
    """A running product; `url` is the gateway's base address."""

    stack: Stack
    port: int
    env: dict[str, str]
    workdir: Path
    tokens: str = "{}"  # the gateway's CHAIN_TOKENS, with the sandbox's coin
    gateway: Child | None = None
    data: kept.Kept | None = None  # kept for the next run
    keeper: ChainKeeper | None = None
    hold: Sequence[int] = ()  # descriptors that the gateway keeps open
    spawn: ClassVar[Callable[..., Child]] = staticmethod(process.spawn)  # starts the gateway's process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def grpc(self) -> str:
        """The address for gRPC."""
        return f"127.0.0.1:{self.env['GRPC_PORT']}"

    @classmethod
    def start(
        cls,
        workdir: Path,
        *,
        port: int | None = None,
        extra: Mapping[str, str] | None = None,
        data: kept.Kept | None = None,
        fresh: bool = False,
        hold: Sequence[int] = (),
    ) -> Self:
        """Start missing services, migrate and serve; return when `/ready` answers 200. Raises StartError.

        `data` keeps store, chain and keys for the next run; existing data is continued unless `fresh`. Nothing is kept
        if an emulator that this starts would lose its part."""
        if data is not None and not data.applies(selection.choose(list(SERVICES.values()), os.environ)):
            data = None
        going_on = data.prepare(fresh) if data is not None else False
        stack = _stack(workdir, data)
        # Nobody else takes the ports until the gateway has inherited their locks.
        with ports.reserve(port) as (chosen, lock), ports.reserve() as (grpc, second):
            env = _environment(stack, (chosen, grpc), data.state if data else workdir / "state")
            product = cls(stack, chosen, env | dict(extra or {}), workdir, data=data, hold=hold)
            try:
                product._prepare(going_on)
                product._launch([lock, second])
            except BaseException:
                product.stop()
                raise
        return product

    def _prepare(self, going_on: bool) -> None:
        """Migrate the store, keep the data, and deploy the test coin. Raises StartError."""
        if self.data is None:
            self.migrate()
        else:
            self._migrate_kept()
            with self.within():
                self.keep(self.data, going_on)
        self.tokens = _with_test_coin(self.env["RPC_URL"], self.env.get("CHAIN_TOKENS", ""))

    def _migrate_kept(self) -> None:
        """Migrate a kept store. Raises StartError if it is broken or has other migrations than ours."""
        try:
            self.migrate()
        except (ChangedMigrationError, sqlite3.DatabaseError) as error:
            raise StartError(f"The kept store cannot be used ({error}): {kept.ANEW}") from None

    def keep(self, data: kept.Kept, going_on: bool) -> None:
        """Keep the data from now on, and continue existing data. Raises StartError if it does not fit together."""
        url = self.env["RPC_URL"]
        if going_on:
            data.resume(url)
        if "node" in self.stack.started:
            self.keeper = ChainKeeper(url, data.chain)
            self.keeper.start()
        if not going_on:
            data.begun(url)

    def migrate(self) -> None:
        """Apply the schema, with the client of this process."""
        from schemas.database import migrate
        from shared.settings import load

        with self.within():
            migrate.bring_up_to_date(load())

    @contextmanager
    def within(self) -> Iterator[None]:
        """Connect this process's own clients to this product during the block. The environment is restored afterwards,
        because another product that this process starts has a different store and node."""
        before = dict(os.environ)
        os.environ.update(self.env)
        try:
            with resources.override(fresh=True):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def start_gateway(self) -> None:
        """Start or restart the gateway and wait until it is ready."""
        grpc = int(self.env["GRPC_PORT"])
        with ports.reserve(self.port) as (_, lock), ports.reserve(grpc) as (_, second):
            self._launch([lock, second])

    def _launch(self, locks: Sequence[int]) -> None:
        """Start the gateway, which keeps its ports by these locks, and wait until it is ready. Raises StartError."""
        command = [sys.executable, "-m", "emulators.gateway"]
        environment = self.env | {"CHAIN_TOKENS": self.tokens, "LOG_FORMAT": "json"}
        log = self.workdir / "gateway.log"
        self.gateway = self.spawn("gateway", command, log, env=environment, keep=[*locks, *self.hold])
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            if not self.gateway.alive or time.monotonic() > deadline:
                raise StartError(f"the gateway did not become ready:\n{process.tail(self.gateway.log)}")
            time.sleep(0.1)

    def kill_gateway(self) -> None:
        """End the gateway's whole group by SIGKILL, like a crash."""
        import signal

        if self.gateway is not None:
            process.signal_group(self.gateway.process.pid, signal.SIGKILL)
            self.gateway.process.wait()
            self._await_port()

    def _await_port(self) -> None:
        """Wait until the ports are free: workers end a moment after their leader, and a lock is released before the
        socket is closed."""
        deadline = time.monotonic() + PORT_SECONDS
        while True:
            try:
                with ports.reserve(self.port), ports.reserve(int(self.env["GRPC_PORT"])):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def stop(self) -> None:
        if self.gateway is not None:
            process.stop([self.gateway])
        if self.keeper is not None:
            self.keeper.stop()
        self.stack.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (OSError, urllib.error.URLError, ValueError):
            return False


def _stack(workdir: Path, data: kept.Kept | None) -> Stack:
    if data is None:
        return Stack.start(workdir)
    return Stack.start(
        workdir,
        given=os.environ | {"EMBEDDED_FILE": str(data.store)},
        flags={NODE.name: [*NODE.flags, *data.node_flags()]},
    )


def _environment(stack: Stack, listening: tuple[int, int], state: Path) -> dict[str, str]:
    """The environment of the product's processes. `listening` are their ports for HTTP and gRPC."""
    port, grpc = listening
    domains = f"{LOCAL_DOMAINS},localhost:{port},127.0.0.1:{port}"
    return stack.env | {
        "PORT": str(port),
        "GRPC_PORT": str(grpc),
        "PUSH_TOKEN": secrets.token_urlsafe(24),
        "STATE_DIR": str(state),
        "SITE_URL": os.environ.get("SITE_URL", f"http://localhost:{port}"),
        "SIWE_DOMAINS": os.environ.get("SIWE_DOMAINS", domains),
    }


def _with_test_coin(url: str, configured: str) -> str:
    """CHAIN_TOKENS with the test coin; without it if Node.js is missing or the node is not our local one."""
    try:
        return coin.registered(url, configured)
    except (RuntimeError, ValueError, OSError, ChainError) as error:
        print(f"no test coin: {error}", file=sys.stderr)
        return configured or "{}"
