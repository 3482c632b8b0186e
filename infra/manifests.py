"""Manifests for clusters other than Cloud Run, generated from the catalog.

    .venv/bin/python -m infra.manifests kubernetes --image registry.example/wallet@sha256:… | kubectl apply -f -

knative      one Service per operation
kubernetes   per service, according to `granularity`: infra/kubernetes.py, with values (--values)

Settings come from a ConfigMap `wallet` and a Secret `wallet` (docs/delivery.md lists their content); the cluster's
own gateway provides routes. The output is a JSON List, which kubectl accepts like YAML.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra import kubernetes
from infra.kubernetes import Manifest
from infra.rollout import closure

CONCURRENCY = 16  # equal to the image's THREADS
TIMEOUT_SECONDS = 60
REQUESTS = {"cpu": "50m", "memory": "192Mi"}
LIMITS = {"cpu": "1", "memory": "512Mi"}
PLATFORMS = ("knative", "kubernetes")


def service_name(operation: str) -> str:
    """The operation's name in the form that Kubernetes and Cloud Run require."""
    return operation.replace("_", "-")


def knative(operation: str, image: str) -> Iterator[Manifest]:
    container = kubernetes.container(operation, image, REQUESTS, LIMITS)
    del container["livenessProbe"]  # Knative uses the readiness probe
    container["readinessProbe"]["periodSeconds"] = 10  # without it Knative asks several times a second
    yield {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": service_name(operation), "labels": {"app": "wallet", "operation": operation}},
        "spec": {
            "template": {
                "spec": {
                    "containerConcurrency": CONCURRENCY,
                    "timeoutSeconds": TIMEOUT_SECONDS,
                    "containers": [container],
                    "volumes": [kubernetes.TMP],
                }
            }
        },
    }


def manifests(platform: str, image: str, given: Mapping[str, Any] | None = None) -> Manifest:
    """All manifests as one List. Raises ValueError for an image without a digest, and for unknown values."""
    if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
        raise ValueError(f"{image}: name the image by its digest (…@sha256:…): a tag may be moved")
    if platform == "kubernetes":
        items = list(kubernetes.manifests(image, kubernetes.values(given or {})))
    else:
        items = [item for operation in closure.catalog() for item in knative(operation, image)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.manifests", description=__doc__)
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument("--image", required=True)
    parser.add_argument("--values", type=Path, help="JSON with what is to replace kubernetes.values.json")
    options = parser.parse_args(arguments)
    try:
        given = json.loads(options.values.read_text(encoding="utf-8")) if options.values else None
        sys.stdout.write(json.dumps(manifests(options.platform, options.image, given), indent=2) + "\n")
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
