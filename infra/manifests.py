"""Manifests for clusters other than Cloud Run, made from the catalog.

    .venv/bin/python -m infra.manifests kubernetes --image registry.example/wallet@sha256:… | kubectl apply -f -

knative      one Service for each operation
kubernetes   a Deployment, a Service and an autoscaler for each, and a CronJob for each schedule

Settings come from a ConfigMap `wallet` and a Secret `wallet` (docs/delivery.md names what belongs there); routes from
the cluster's own gateway. What is written is a JSON List, which kubectl takes like YAML.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CATALOG = Path(__file__).parent.parent / "schemas" / "catalog.json"
CONCURRENCY = 16  # the image's THREADS
TIMEOUT_SECONDS = 60
Manifest = dict[str, Any]

# What a schedule's job runs: the image has no curl. It fails, and is tried again, unless the answer is 2xx.
START = (
    "import os, urllib.request as u; "
    "u.urlopen(u.Request(os.environ['TARGET'] + '?token=' + os.environ['PUSH_TOKEN'], method='POST'), timeout=60)"
)


def operations() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CATALOG.read_text())["operations"]
    return found


def service_name(operation: str) -> str:
    """As Kubernetes and Cloud Run want names."""
    return operation.replace("_", "-")


def container(operation: str, image: str) -> Manifest:
    """Read-only, as nobody, with /tmp for what libraries write."""
    return {
        "name": "function",
        "image": image,
        "env": [{"name": "FUNCTION_TARGET", "value": operation}],
        "envFrom": [{"configMapRef": {"name": "wallet"}}, {"secretRef": {"name": "wallet"}}],
        "ports": [{"containerPort": 8080}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": 8080},
            "timeoutSeconds": 6,
            "periodSeconds": 10,
        },
        "livenessProbe": {
            "httpGet": {"path": "/live", "port": 8080},
            "timeoutSeconds": 5,
            "periodSeconds": 10,
        },
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - its own, in memory
    }


TMP: Manifest = {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}


def knative(operation: str, image: str) -> Iterator[Manifest]:
    one = container(operation, image)
    del one["livenessProbe"]  # Knative watches by the readiness probe
    yield {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": service_name(operation), "labels": {"app": "wallet", "operation": operation}},
        "spec": {
            "template": {
                "spec": {
                    "containerConcurrency": CONCURRENCY,
                    "timeoutSeconds": TIMEOUT_SECONDS,
                    "containers": [one],
                    "volumes": [TMP],
                }
            }
        },
    }


def kubernetes(operation: str, image: str) -> Iterator[Manifest]:
    name = service_name(operation)
    meta = {"name": name, "labels": {"app": "wallet", "operation": operation}}
    pod = {
        "containers": [container(operation, image)],
        "volumes": [TMP],
        "automountServiceAccountToken": False,
    }
    spec = {
        "selector": {"matchLabels": {"operation": operation}},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": meta["labels"]}, "spec": pod},
    }
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    ports = [{"port": 80, "targetPort": 8080}]
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": {"operation": operation}, "ports": ports},
    }
    load = {"type": "Utilization", "averageUtilization": 60}
    yield {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta,
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 50,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": load}}],
        },
    }
    for schedule in operations()[operation]["schedules"]:
        yield job(operation, schedule["cron"], image)


def job(operation: str, cron: str, image: str) -> Manifest:
    """Start the operation as Cloud Scheduler would."""
    name = service_name(operation)
    starter = container(operation, image)
    for unwanted in ("ports", "readinessProbe", "livenessProbe"):
        del starter[unwanted]
    starter |= {
        "name": "start",
        "command": ["python", "-c", START],
        "env": [{"name": "TARGET", "value": f"http://{name}/schedule/{operation}"}],
    }
    pod = {"containers": [starter], "volumes": [TMP], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": {"app": "wallet", "operation": operation}},
        "spec": {
            "schedule": cron,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 50,
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": {"spec": pod}}},
        },
    }


PLATFORMS = {"knative": knative, "kubernetes": kubernetes}


def manifests(platform: str, image: str) -> Manifest:
    """Everything, as one List. Raises ValueError for an image that is not named by its digest."""
    if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
        raise ValueError(f"{image}: name the image by its digest (…@sha256:…): a tag may be moved")
    items = [item for operation in operations() for item in PLATFORMS[platform](operation, image)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.manifests", description=__doc__)
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument("--image", required=True)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(json.dumps(manifests(options.platform, options.image), indent=2) + "\n")
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
