"""Manifests for other clusters: Kubernetes' own schema takes them, and each operation of the catalog is there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulators.toolkit import ROOT
from infra import manifests

IMAGE = "registry.example/wallet@sha256:" + "0" * 64
DEFS: dict[str, Any] = json.loads((ROOT / "infra" / "kubernetes.schema.json").read_text())
POD = {"$ref": "#/$defs/io.k8s.api.core.v1.PodSpec", "$defs": DEFS["$defs"]}


def accept(document: dict[str, Any]) -> None:
    """Raises ValidationError. What Knative's pods add is not Kubernetes' and is taken away first."""
    import jsonschema  # takes two seconds, which every worker would pay

    jsonschema.Draft7Validator(DEFS).validate(document)
    for item in document["items"]:
        if item["apiVersion"].startswith("serving.knative.dev"):
            pod = dict(item["spec"]["template"]["spec"])
            del pod["containerConcurrency"], pod["timeoutSeconds"]
            jsonschema.Draft7Validator(POD).validate(pod)


@pytest.mark.parametrize("platform", sorted(manifests.PLATFORMS))
def test_the_schema_takes_them_and_every_operation_is_there(platform: str) -> None:
    document = manifests.manifests(platform, IMAGE)
    accept(document)
    kind = "Service" if platform == "knative" else "Deployment"
    targets = {item["metadata"]["labels"]["operation"] for item in document["items"] if item["kind"] == kind}
    assert targets == set(manifests.operations())


def test_every_schedule_has_its_job() -> None:
    items = manifests.manifests("kubernetes", IMAGE)["items"]
    jobs = {item["metadata"]["name"]: item["spec"]["schedule"] for item in items if item["kind"] == "CronJob"}
    wanted = {
        name: entry["schedules"] for name, entry in manifests.operations().items() if entry["schedules"]
    }
    assert jobs == {manifests.service_name(name): found[0]["cron"] for name, found in wanted.items()}


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
    BREAKS[broken](document["items"][0])
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
    assert Path(manifests.CATALOG).exists()
