"""Manifests for other clusters: they match Kubernetes' own schema, and contain each operation of the catalog."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from emulators.toolkit import ROOT
from infra import kubernetes, manifests
from infra.rollout import closure

# Google's library reads the expiry of an identity token: header, {"exp": 4102444800}, no signature.
TOKEN = "e30.eyJleHAiOiA0MTAyNDQ0ODAwfQ.AAAA"
IMAGE = "registry.example/wallet@sha256:" + "0" * 64
DEFS: dict[str, Any] = json.loads((ROOT / "infra" / "kubernetes.schema.json").read_text())
POD = {"$ref": "#/$defs/io.k8s.api.core.v1.PodSpec", "$defs": DEFS["$defs"]}


def accept(document: dict[str, Any]) -> None:
    """Validate a manifest. Raises ValidationError. It first removes Knative's additions to pods, which are not part of
    Kubernetes."""
    import jsonschema  # takes two seconds, which every worker would pay

    jsonschema.Draft7Validator(DEFS).validate(document)
    for item in document["items"]:
        if item["apiVersion"].startswith("serving.knative.dev"):
            pod = dict(item["spec"]["template"]["spec"])
            del pod["containerConcurrency"], pod["timeoutSeconds"]
            jsonschema.Draft7Validator(POD).validate(pod)


@pytest.mark.parametrize("scale", closure.SCALES)
def test_the_schema_takes_them_and_every_service_is_there(scale: str) -> None:
    document = manifests.manifests("kubernetes", IMAGE, {"granularity": scale})
    accept(document)
    services = set(closure.services(scale))
    for kind in ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert {item["metadata"]["name"] for item in of_kind(document, kind)} == services
    for kind, more in {"ServiceAccount": {"start"}, "NetworkPolicy": {"start", "closed"}}.items():
        assert {item["metadata"]["name"] for item in of_kind(document, kind)} == services | more
    targets = {
        item["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
        for item in of_kind(document, "Deployment")
    }
    catalog = closure.catalog()
    known = {"trust": {f"trust_{one['trust']}" for one in catalog.values()},
             "group": {one["group"] for one in catalog.values()}, "operation": set(catalog)}  # fmt: skip
    assert targets == known[scale]


def test_knative_has_every_operation() -> None:
    document = manifests.manifests("knative", IMAGE)
    accept(document)
    targets = {item["metadata"]["labels"]["operation"] for item in document["items"]}
    assert targets == set(closure.catalog())


def of_kind(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in document["items"] if item["kind"] == kind]


def test_every_schedule_has_its_job_at_the_service_that_runs_it() -> None:
    document = manifests.manifests("kubernetes", IMAGE)
    served = {name: service for service, names in closure.services("trust").items() for name in names}
    found = {}
    for job in of_kind(document, "CronJob"):
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        found[container["env"][0]["value"]] = job["spec"]["schedule"]
    assert found == {
        f"http://{served[name]}/schedule/{name}": entry["schedules"][0]["cron"]
        for name, entry in closure.catalog().items()
        if entry["schedules"]
    }


def test_only_the_gateway_and_schedules_come_in() -> None:
    document = manifests.manifests("kubernetes", IMAGE, {"gateway_namespace": "edge"})
    policies = {item["metadata"]["name"]: item["spec"] for item in of_kind(document, "NetworkPolicy")}
    assert policies["closed"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    scheduled = {service for service, names in closure.services("trust").items()
                 if any(closure.catalog()[name]["schedules"] for name in names)}  # fmt: skip
    for service in closure.services("trust"):
        (rule,) = policies[service]["ingress"]
        spaces = [
            one["namespaceSelector"]["matchLabels"] for one in rule["from"] if "namespaceSelector" in one
        ]
        assert spaces == [{"kubernetes.io/metadata.name": "edge"}]
        assert ({"podSelector": {"matchLabels": kubernetes.STARTS}} in rule["from"]) == (service in scheduled)
        wide = [one for one in policies[service]["egress"] if "except" in one["to"][0].get("ipBlock", {})]
        assert wide[0]["to"][0]["ipBlock"]["except"] == kubernetes.PRIVATE
    assert "ingress" not in policies["start"]


def test_values_replace_values_and_nothing_else() -> None:
    given = {
        "services": {"engine": {"replicas": {"least": 3, "most": 4}}},
        "identity": {"a/b": "x-{service}"},
    }
    document = manifests.manifests("kubernetes", IMAGE, given)
    least = {
        one["metadata"]["name"]: one["spec"]["minReplicas"]
        for one in of_kind(document, "HorizontalPodAutoscaler")
    }
    assert least.pop("engine") == 3
    assert set(least.values()) == {2}
    accounts = {
        one["metadata"]["name"]: one["metadata"]["annotations"] for one in of_kind(document, "ServiceAccount")
    }
    assert accounts["engine"] == {"a/b": "x-engine"}
    for wrong in ({"replica": 1}, {"namespace": 5}, {"granularity": "pod"}, {"services": {"no": {}}},
                  {"services": {"engine": {"namespace": "x"}}}, {"utilization": True}):  # fmt: skip
        with pytest.raises(ValueError):
            manifests.manifests("kubernetes", IMAGE, wrong)


def test_a_job_starts_its_schedule_as_the_account_that_pushes() -> None:
    """The test runs it unchanged, against a metadata server and a product that record their requests."""
    asked: list[tuple[str, str, str]] = []

    class Both(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(("GET", self.path, self.headers.get("Metadata-Flavor", "")))
            about = b'{"email": "events-push@example.iam.gserviceaccount.com", "scopes": []}'
            self.answer(about if "recursive" in self.path else TOKEN.encode())

        def do_POST(self) -> None:
            asked.append(("POST", self.path, self.headers.get("Authorization", "")))
            self.answer(b"")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "application/json" if b"{" in body else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Both)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"127.0.0.1:{server.server_address[1]}"
    env = {"GCE_METADATA_HOST": here, "GCE_METADATA_IP": here, "PUSH_AUDIENCE": "https://events.example.com",
           "TARGET": f"http://{here}/schedule/x", "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}  # fmt: skip
    try:
        command = [sys.executable, "-c", kubernetes.START]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert asked[-1] == ("POST", "/schedule/x", f"Bearer {TOKEN}")
    assert any("identity?audience=https" in path for _, path, _ in asked)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_takes_them_as_a_base(tmp_path: Path) -> None:
    (tmp_path / "wallet.json").write_text(json.dumps(manifests.manifests("kubernetes", IMAGE)))
    example = ROOT / "infra" / "kubernetes.kustomization.yaml"
    (tmp_path / "kustomization.yaml").write_text(example.read_text())
    command = ["kubectl", "kustomize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "namespace: staging" in done.stdout
    assert done.stdout.count("kind: Deployment\nmetadata") == len(closure.services("trust"))


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a misspelt field": lambda item: item["spec"].update(replica=2),
    "a wrong type": lambda item: item["spec"].update(selector=["x"]),
    "no containers": lambda item: item["spec"]["template"]["spec"].pop("containers"),
    "an unknown kind": lambda item: item.update(kind="Deplyoment"),
    "another version": lambda item: item.update(apiVersion="apps/v1beta1"),
    "a misspelt probe": lambda item: item["spec"]["template"]["spec"]["containers"][0].update(readyProbe={}),
}


@pytest.mark.parametrize("broken", sorted(BREAKS))
@pytest.mark.parametrize("platform", sorted(manifests.PLATFORMS))
def test_the_schema_refuses_what_a_cluster_would(platform: str, broken: str) -> None:
    document = copy.deepcopy(manifests.manifests(platform, IMAGE))
    BREAKS[broken](next(item for item in document["items"] if "template" in item.get("spec", {})))
    from jsonschema import ValidationError

    with pytest.raises(ValidationError):
        accept(document)


def test_an_image_without_digest_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        manifests.main(["knative", "--image", "wallet:latest"])
    assert "name the image by its digest" in capsys.readouterr().err


def test_what_is_written_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert manifests.main(["kubernetes", "--image", IMAGE]) == 0
    accept(json.loads(capsys.readouterr().out))
