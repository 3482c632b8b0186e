"""A cloud for the rollout's tests: the fake gcloud's file, and one server for the canary hosts and Monitoring."""

from __future__ import annotations

import fcntl
import json
import marshal
import py_compile
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from emulators.toolkit import ROOT
from tests.unit.infra import fake_gcloud

IMAGE = "europe-docker.pkg.dev/p/wallet/wallet@sha256:" + "a" * 64
REGIONS = ("asia-east1", "us-central1")
SERVICES = ("get-order", "sweep-outbox")
RELEASE = "1a2b3c4"


@dataclass
class FakeCloud:
    """The running revisions and their behaviour: `counts(revision, region)` returns (requests, errors, p95)."""

    file: Path
    url: str = ""
    ready: int = 200
    route: int = 401
    revision: str | None = None  # the release that the canary host reports; None: the tagged one
    new_counts: tuple[float, float, float] = (100.0, 0.0, 50.0)
    old_counts: tuple[float, float, float] = (1000.0, 2.0, 60.0)
    bad_from: dict[str, int] = field(default_factory=dict)  # region: share at which the new revision fails
    monitoring: int = 200
    asked: list[str] = field(default_factory=list)

    def start(
        self, services: tuple[str, ...] = SERVICES, regions: tuple[str, ...] = REGIONS, **faults: Any
    ) -> None:
        old = {
            "labels": {"closure": "old", "release": "0000000"},
            "ready": True,
            "image": "old",
            "secrets": {
                "FINGERPRINT_KEY": ("fingerprint-key", "1"),
                "/secrets/token-keys": ("token-keys-public", "1"),
            },
        }
        made = {
            f"{region}/{service}": {
                "traffic": {f"{service}-00001-old": 100},
                "tag": None,
                "revisions": {f"{service}-00001-old": old},
            }
            for region in regions
            for service in services
        }
        self.write({"services": made, "calls": [], "faults": [], "roles": granted(), "quota": None})

    def read(self) -> dict[str, Any]:
        with self.file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            found: dict[str, Any] = marshal.load(file)  # noqa: S302 - the fake's own
        return found

    def write(self, world: dict[str, Any]) -> None:
        self.file.write_bytes(marshal.dumps(world))

    def inject(self, match: str, how: str = "fail", *, after: int = 0, times: int = 3) -> None:
        world = self.read()
        world["faults"].append({"match": match, "after": after, "times": times, "how": how})
        self.write(world)

    def change(self, place: str, **values: Any) -> None:
        world = self.read()
        world["services"][place].update(values)
        self.write(world)

    def calm(self) -> None:
        self.write({**self.read(), "faults": []})

    @property
    def calls(self) -> list[str]:
        found: list[str] = self.read()["calls"]
        return found

    def traffic(self) -> dict[str, dict[str, int]]:
        """The traffic by region/service, with `old` and `new` for the revisions' names."""
        return {
            place: {name.rsplit("-", 1)[-1]: share for name, share in one["traffic"].items()}
            for place, one in self.read()["services"].items()
        }

    def everywhere(self, which: str) -> bool:
        return all(shares == {which: 100} for shares in self.traffic().values())

    def arguments(self, command: str = "run", *more: str) -> list[str]:
        return [
            *(
                command,
                "--project",
                "p",
                "--image",
                IMAGE,
                "--release",
                RELEASE,
                "--regions",
                ",".join(REGIONS),
            ),
            *("--canary", f"{self.url}/canary/{{service}}/{{region}}", "--monitoring", self.url),
            *("--granularity", "operation", "--writing", ",".join(REGIONS)),
            *(
                "--synthetic",
                "0",
                "--bake",
                "0",
                "--pause",
                "0",
                "--parallel",
                "1",
                "--only",
                ",".join(SERVICES),
                *more,
            ),
        ]

    def answer(self, path: str, body: str, identity: str = "") -> tuple[int, Any]:
        """Answer for the canary hosts and for Monitoring."""
        found = re.match(r"/canary/([\w-]+)/([\w-]+)(/.*)", path)
        if not found:
            if "roles/monitoring.viewer" not in self.read()["roles"]:
                return 403, {}
            query = urllib.parse.parse_qs(body)["query"][0]
            return self.monitoring, {"status": "success", "data": {"result": self._series(query)}}
        service, region, rest = found.groups()
        self.asked.append(rest)
        if rest.startswith(("/schedule/", "/push/")):
            wanted = 204 if rest.startswith("/schedule/") else 422
            return (wanted if identity == "Bearer identity" else 401), {}
        if rest != "/ready":
            return self.route, {}
        tagged = self.read()["services"][f"{region}/{service}"]["tag"]
        return self.ready, {"status": "ready", "revision": self.revision or tagged}

    def _series(self, query: str) -> Iterator[dict[str, Any]] | list[dict[str, Any]]:
        region = str(re.search(r'location="([\w-]+)"', query)[1])  # type: ignore[index]
        names = str(re.search(r'revision_name=~"([^"]+)"', query)[1]).split("|")  # type: ignore[index]
        series = []
        for name in names:
            shares = {r: s for one in self._in(region) for r, s in one["traffic"].items()}
            share = shares.get(name, 0)
            requests, errors, latency = self.new_counts if name.endswith("-new") else self.old_counts
            if name.endswith("-new") and region in self.bad_from and share >= self.bad_from[region]:
                errors = requests / 2
            if "histogram_quantile" in query:
                series.append(sample(latency, revision_name=name))
            elif share:
                series.append(sample(requests - errors, revision_name=name, response_code_class="2xx"))
                series.append(sample(errors, revision_name=name, response_code_class="5xx"))
        return series

    def _in(self, region: str) -> list[dict[str, Any]]:
        return [one for key, one in self.read()["services"].items() if key.startswith(region)]


def sample(value: float, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, str(value)]}


def granted() -> list[str]:
    """The roles that Terraform gives to the build's account."""
    text = "".join(path.read_text() for path in sorted((ROOT / "infra").glob("*.tf")))
    blocks = re.findall(r'^resource "google_\w+_iam_member" .*?^}', text, re.M | re.S)
    own = "".join(block for block in blocks if re.search(r"^  member +=\s*local\.delivery$", block, re.M))
    return re.findall(r"roles/[\w.]+", own)


@contextmanager
def serving(cloud: FakeCloud) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            canary = self.path.startswith("/canary")
            status, answer = cloud.answer(self.path, body, self.headers.get("Authorization", ""))
            if canary and self.headers.get("X-Canary") != "secret":
                status = 404
            if not canary and self.headers.get("Authorization") != "Bearer token":
                status = 401
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def install(folder: Path, name: str = "gcloud") -> None:
    """Write a `gcloud`, or `docker`, for PATH: it starts hundreds of times, so it is compiled once."""
    compiled = py_compile.compile(
        str(Path(__file__).with_name(f"fake_{name}.py")), str(folder / f"{name}.pyc"), doraise=True
    )
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec {python} -IS {compiled} "$@"\n')
    program.chmod(0o755)


def answered(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
    """Answer a call of the fake gcloud in this process, in place of `subprocess.run`: a process takes ten times as
    long, for each of a thousand calls."""
    try:
        return subprocess.CompletedProcess(command, 0, fake_gcloud.main(command[1:]), "")
    except SystemExit as refusal:
        return subprocess.CompletedProcess(command, 1, "", f"{refusal}\n")
