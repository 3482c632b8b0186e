"""The whole product on this machine: emulators, node, schema, and the gateway as a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from emulators import ports, process
from emulators.process import Child
from emulators.sandbox import coin
from emulators.stack import Stack, StartError
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
    seen: list[Path] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def start(cls, workdir: Path, *, port: int | None = None, extra: Mapping[str, str] | None = None) -> Self:
        """Start what is missing, migrate, serve; returns once `/ready` answers 200. Raises StartError."""
        stack = Stack.start(workdir)
        with ports.reserve(port) as (chosen, _):
            pass
        env = stack.env | {
            "PORT": str(chosen),
            "PUSH_TOKEN": secrets.token_urlsafe(24),
            "STATE_DIR": str(workdir / "state"),
            "SIWE_DOMAINS": os.environ.get(
                "SIWE_DOMAINS", f"{LOCAL_DOMAINS},localhost:{chosen},127.0.0.1:{chosen}"
            ),
            **(extra or {}),
        }
        product = cls(stack, chosen, env, workdir)
        try:
            product.migrate()
            product.tokens = _with_test_coin(env["RPC_URL"], env.get("CHAIN_TOKENS", ""))
            product.start_gateway()
        except BaseException:
            product.stop()
            raise
        return product

    def migrate(self) -> None:
        """Apply the schema in this process's own client."""
        from schemas.database import migrate
        from shared.settings import load

        os.environ.update(self.env)
        migrate.bring_up_to_date(load())

    def start_gateway(self) -> None:
        """Start (or start again) the gateway and wait until it is ready."""
        command = [sys.executable, "-m", "emulators.gateway"]
        environment = self.env | {"CHAIN_TOKENS": self.tokens}
        with ports.reserve(self.port) as (_, lock):
            log = self.workdir / "gateway.log"
            self.gateway = process.spawn("gateway", command, log, env=environment, keep=[lock])
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            if not self.gateway.alive or time.monotonic() > deadline:
                raise StartError(f"the gateway did not become ready:\n{process.tail(self.gateway.log)}")
            time.sleep(0.1)

    def kill_gateway(self) -> None:
        """SIGKILL the gateway's whole group, as a crash would."""
        import signal

        if self.gateway is not None:
            process.signal_group(self.gateway.process.pid, signal.SIGKILL)
            self.gateway.process.wait()
            self._await_port()

    def _await_port(self) -> None:
        """Workers die a moment after their leader, and a lock is let go before the socket is closed."""
        deadline = time.monotonic() + PORT_SECONDS
        while True:
            try:
                with ports.reserve(self.port):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def stop(self) -> None:
        if self.gateway is not None:
            process.stop([self.gateway])
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


def _with_test_coin(url: str, configured: str) -> str:
    """CHAIN_TOKENS with the test coin; without it where Node.js is missing or the node is of another kind."""
    try:
        return coin.registered(url, configured)
    except (RuntimeError, ValueError, OSError, ChainError) as error:
        print(f"no test coin: {error}", file=sys.stderr)
        return configured or "{}"
