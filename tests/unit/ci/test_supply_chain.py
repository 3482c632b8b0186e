"""The supply chain's checks refuse bad licences, known weaknesses, secrets and stale lists."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from tests.unit.docs.pages import ROOT

TOOLS = ROOT / ".ci"


class Advisories(BaseHTTPRequestHandler):
    """An advisory service with OSV's protocol that knows one weakness, of flask."""

    known: ClassVar[dict[str, Any]] = {
        "id": "TEST-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "made up", "aliases": [],
        "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"},
                      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}]}],
    }  # fmt: skip
    weak = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [self.known] if self.weak and asked["package"]["name"] == "flask" else []
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


def run(tool: str, *arguments: str, **env: str) -> tuple[int, str]:
    command = [sys.executable, str(TOOLS / tool), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=100, check=False
    )
    return done.returncode, done.stderr


def asking(url: str) -> dict[str, str]:
    return {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}


def test_a_known_vulnerability_fails(service: str) -> None:
    status, said = run("advisories.py", "60", **asking(service))
    assert (status, "TEST-2026-1, fixed in 999" in said) == (1, True), said


def test_a_tree_without_known_vulnerabilities_passes(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Advisories, "weak", False)
    assert run("advisories.py", "60", **asking(service)) == (0, "")


@pytest.mark.parametrize(("arguments", "status"), [(["8"], 0), ([], 1)])
def test_a_service_that_does_not_answer_is_said(arguments: list[str], status: int) -> None:
    code, said = run("advisories.py", *arguments, **asking("http://127.0.0.1:9/v1/query"))
    assert code == status and "advisories: not checked" in said


SECRETS = {
    "aws": "key = 'AKIA" + "QYLPMN5HHHFPZAM2'",
    "pem": "-----BEGIN EC PRIVATE " + "KEY-----",
    "wallet": f"KEY = '0x{secrets.token_hex(32)}'",
    "url": "https://user:" + "hunter2222@db.internal/",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_are_found(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "config.py"
    file.write_text(SECRETS[kind] + "\n")
    status, said = run("secrets_scan.py", str(file))
    assert status == 1 and f"{file}:1" in said


def test_a_marked_line_and_public_keys_pass(tmp_path: Path) -> None:
    file = tmp_path / "config.py"
    public = "ac0974bec39a17e36ba4a6b4d238ff94" + "4bacb478cbed5efcae784d7bf4f2ff80"
    file.write_text(f"KEY = '0x{public}'\nOTHER = '{secrets.token_hex(32)}'  # pragma: allowlist secret\n")
    assert run("secrets_scan.py", str(file)) == (0, "")


@pytest.mark.parametrize(
    ("licence", "passes"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-2.0 OR MIT", True),
        ("MIT AND AGPL-3.0", False),
        ("UNKNOWN", False),
    ],
)
def test_only_licences_that_bind_nobody_pass(
    licence: str, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    import licences

    assert licences.allowed(licences.spdx(licence)) is passes


def test_the_bill_of_materials_names_every_requirement_with_its_digests() -> None:
    made = subprocess.run(
        ["make", "--old-file=setup", "sbom"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    bill = json.loads((ROOT / "build" / "sbom.json").read_text())
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {(part["name"], part["version"]) for part in bill["components"]} == set(pinned)
    for part in bill["components"]:
        assert part["purl"].startswith("pkg:pypi/")
        assert part["externalReferences"][0]["hashes"]


def test_hooks_are_local_and_name_what_exists() -> None:
    """They run offline: no hook is fetched, and each is a command of the environment that `make setup` creates."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        words = hook["entry"].split()
        assert words[0] in (".venv/bin/ruff", ".venv/bin/python")
        assert all((ROOT / word).exists() for word in words if word.startswith((".ci/", "tests/")))
