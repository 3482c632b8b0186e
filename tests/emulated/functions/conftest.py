"""Functions as separate processes, started like on Cloud Run, on one fresh database per module."""

from __future__ import annotations

import os
import secrets
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators import ports, process
from emulators.toolkit import ROOT
from shared import resources
from shared.settings import load
from shared.store.port import Database
from tests.support.inprocess import App

STARTS_WITHIN = 60.0  # seconds, on a busy machine


@dataclass
class Service:
    """One running function."""

    name: str
    child: process.Child
    url: str
    client: httpx.Client

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.client.request(method, self.url + path, **more)

    def log(self) -> str:
        return process.tail(self.child.log, 200)


@dataclass
class Functions:
    """Starts functions and remembers them by name; `env` points to the module's database."""

    env: Mapping[str, str]
    folder: Path
    app: App  # the same database in this process, to prepare a test
    database: Database
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))
    running: dict[str, Service] = field(default_factory=dict)

    @property
    def push_token(self) -> str:
        return self.env["PUSH_TOKEN"]

    def start(self, *names: str) -> list[Service]:
        """Start each of these functions once; all start at the same time."""
        for name in names:
            if name not in self.running:
                self.running[name] = self.spawn(name)
        found = [self.running[name] for name in names]
        for service in found:
            wait(service)
        return found

    def spawn(self, name: str, log: str = "", **changed: str) -> Service:
        command = [sys.executable, "-m", "functions_framework", "--source", str(ROOT / "functions/main.py")]
        with ports.reserve() as (port, lock):
            child = process.spawn(
                name,
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                self.folder / f"{log or name}.log",
                env={**self.env, "FUNCTION_TARGET": name, "PYTHONPATH": str(ROOT), **changed},
                keep=[lock],
            )
        return Service(name, child, f"http://127.0.0.1:{port}", self.client)


def wait(service: Service) -> None:
    """Return when the process answers /live."""
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        with suppress(httpx.TransportError):
            if service.call("GET", "/live").status_code == 200:
                return
        assert service.child.alive, service.log()
        assert time.monotonic() < deadline, f"{service.name} does not serve:\n{service.log()}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def functions(
    spanner_client: Any, emulators: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Functions]:
    from google.api_core.exceptions import AlreadyExists
    from google.cloud.pubsub_v1 import PublisherClient

    from emulators.topics import topic_names
    from schemas.database import migrate
    from shared.store.spanner.database import connect

    project, instance, name = (
        emulators["GOOGLE_CLOUD_PROJECT"],
        emulators["SPANNER_INSTANCE"],
        f"t{uuid.uuid4().hex[:20]}",
    )
    migrate.fresh(spanner_client, instance, name)
    publisher = PublisherClient()
    for topic in topic_names():
        with suppress(AlreadyExists):
            publisher.create_topic(name=publisher.topic_path(project, topic))
    publisher.stop()
    folder, database = tmp_path_factory.mktemp("functions"), connect(project, instance, name)
    env = {
        **os.environ,
        "SPANNER_DATABASE": name,
        "PUSH_TOKEN": secrets.token_urlsafe(12),
        "STATE_DIR": str(folder / "state"),
    }
    with resources.override(fresh=True, settings=replace(load(env)), database=database):
        made = Functions(env, folder, App(), database)
        try:
            yield made
        finally:
            process.stop([service.child for service in made.running.values()])
            made.client.close()
    spanner_client.instance(instance).database(name).drop()
