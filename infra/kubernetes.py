"""Kubernetes manifests by service: Deployment, Service, autoscaler, disruption budget, network policy, and an account
with a cloud identity. Each schedule also gets a CronJob.

`infra/kubernetes.values.json` contains the values; `--values FILE` replaces some of them, for one service those under
`services`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.rollout import closure

VALUES = Path(__file__).parent / "kubernetes.values.json"
# The values that `services` may replace.
SERVICE_VALUES = ("replicas", "utilization", "requests", "limits", "egress_ports")
PORT = 8080
DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"]
STARTS = {"app": "wallet", "role": "start"}  # labels of the pods that start schedules
Manifest = dict[str, Any]
TMP: Manifest = {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
SETTINGS = [{"configMapRef": {"name": "wallet"}}, {"secretRef": {"name": "wallet"}}]
SECURITY: Manifest = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

# The script of a schedule's job. It runs as the pushing account, and in Python because the image has no curl. It
# fails and is retried unless the answer is 2xx.
START = """
import os, urllib.request
from google.auth.transport.requests import Request
from google.oauth2.id_token import fetch_id_token
token = fetch_id_token(Request(), os.environ["PUSH_AUDIENCE"])
request = urllib.request.Request(os.environ["TARGET"], method="POST", headers={"Authorization": "Bearer " + token})
urllib.request.urlopen(request, timeout=60)
"""


def values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The default values, replaced with the given ones. Raises ValueError for an unknown name or service, or a wrong
    type."""
    chosen: dict[str, Any] = json.loads(VALUES.read_text(encoding="utf-8"))
    _refuse_unknown(given, chosen, "values")
    chosen |= given
    if chosen["granularity"] not in closure.SCALES:
        raise ValueError(f"granularity is one of {', '.join(closure.SCALES)}")
    known = closure.services(chosen["granularity"])
    for name, more in chosen["services"].items():
        if name not in known:
            raise ValueError(f"{name} is no service; there are {', '.join(sorted(known))}")
        _refuse_unknown(more, {key: chosen[key] for key in SERVICE_VALUES}, f"values of {name}")
    return chosen


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{name} is none of the {where}")
        if not isinstance(value, type(known[name])) or isinstance(value, bool):
            raise ValueError(f"{name} must be of the type of {json.dumps(known[name])}")


@dataclass(frozen=True)
class Service:
    """One service: its name, its operations, and its values."""

    name: str
    operations: list[str]
    image: str
    values: Mapping[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        return {"app": "wallet", "service": self.name}

    @property
    def meta(self) -> Manifest:
        return {"name": self.name, "namespace": self.values["namespace"], "labels": self.labels}

    @property
    def target(self) -> str:
        """The value of FUNCTION_TARGET."""
        entry = closure.catalog()[self.operations[0]]
        scale = self.values["granularity"]
        if scale == "operation":
            return self.operations[0]
        return f"trust_{entry['trust']}" if scale == "trust" else str(entry["group"])

    def of(self, kind: str, api: str, **more: Any) -> Manifest:
        return {"apiVersion": api, "kind": kind, "metadata": self.meta, **more}


def manifests(image: str, chosen: Mapping[str, Any]) -> Iterator[Manifest]:
    """All manifests, for values that `values` has checked."""
    yield _deny_all(chosen)
    for name, operations in sorted(closure.services(chosen["granularity"]).items()):
        own = {**chosen, **chosen["services"].get(name, {})}
        yield from _of_service(Service(name, operations, image, own))
    yield from _starter(chosen)


def _of_service(service: Service) -> Iterator[Manifest]:
    own, selector = service.values, {"matchLabels": service.labels}
    identity = {key: text.replace("{service}", service.name) for key, text in own["identity"].items()}
    yield _account({**service.meta, "annotations": identity})
    yield _deployment(service)
    ports = [{"port": 80, "targetPort": PORT}]
    yield service.of("Service", "v1", spec={"selector": service.labels, "ports": ports})
    load = {"type": "Utilization", "averageUtilization": own["utilization"]}
    scaler = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.name},
        "minReplicas": own["replicas"]["least"],
        "maxReplicas": own["replicas"]["most"],
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": load}}],
    }
    yield service.of("HorizontalPodAutoscaler", "autoscaling/v2", spec=scaler)
    yield service.of("PodDisruptionBudget", "policy/v1", spec={"maxUnavailable": 1, "selector": selector})
    yield _network_policy(service)
    for name in service.operations:
        for schedule in closure.catalog()[name]["schedules"]:
            yield _cron_job(service, name, schedule["cron"])


def _account(meta: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": meta,
        "automountServiceAccountToken": False,
    }


def _deployment(service: Service) -> Manifest:
    own = service.values
    labels = {**service.labels, **own["pod_labels"]}
    pod = {
        "serviceAccountName": service.name,
        "automountServiceAccountToken": False,
        "containers": [container(service.target, service.image, own["requests"], own["limits"])],
        "volumes": [TMP],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": service.labels},
            }
        ],
        "terminationGracePeriodSeconds": 70,
    }
    spec = {
        "selector": {"matchLabels": service.labels},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return service.of("Deployment", "apps/v1", spec=spec)


def container(target: str, image: str, requests: Manifest, limits: Manifest) -> Manifest:
    """The container of a service: read-only, as user nobody, with /tmp for files of libraries. `target` is the value of
    FUNCTION_TARGET."""
    return {
        "name": "function",
        "image": image,
        "env": [{"name": "FUNCTION_TARGET", "value": target}],
        "envFrom": SETTINGS,
        "ports": [{"containerPort": PORT}],
        "resources": {"requests": requests, "limits": limits},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": PORT}, "timeoutSeconds": 6},
        "livenessProbe": {"httpGet": {"path": "/live", "port": PORT}, "timeoutSeconds": 5},
        "securityContext": SECURITY,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - its own, in memory
    }


def _deny_all(chosen: Mapping[str, Any]) -> Manifest:
    """Deny all traffic in this namespace that no other policy allows."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": chosen["namespace"]},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def _network_policy(service: Service) -> Manifest:
    """Allow incoming traffic from the gateway, and from the schedule starters if the service has schedules. Allow
    outgoing traffic to DNS, the cloud's metadata server, and the internet without private networks."""
    own = service.values
    gateway = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": own["gateway_namespace"]}}
    }
    starts = any(closure.catalog()[name]["schedules"] for name in service.operations)
    sources = [gateway, *([{"podSelector": {"matchLabels": STARTS}}] if starts else [])]
    spec = {
        "podSelector": {"matchLabels": service.labels},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": sources, "ports": [{"port": PORT}]}],
        "egress": [
            _dns(),
            *_metadata_server(own),
            {
                "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE}}],
                "ports": [{"port": port} for port in own["egress_ports"]],
            },
        ],
    }
    return service.of("NetworkPolicy", "networking.k8s.io/v1", spec=spec)


def _starter(chosen: Mapping[str, Any]) -> Iterator[Manifest]:
    """The account of the schedule starters; it can only reach the product's pods and the metadata server."""
    meta = {"name": "start", "namespace": chosen["namespace"]}
    yield _account({**meta, "annotations": chosen["starter_identity"]})
    pods = {"to": [{"podSelector": {"matchLabels": {"app": "wallet"}}}], "ports": [{"port": PORT}]}
    spec = {
        "podSelector": {"matchLabels": STARTS},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [_dns(), *_metadata_server(chosen), pods],
    }
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _metadata_server(chosen: Mapping[str, Any]) -> list[Manifest]:
    """The address where pods get identity tokens, on clouds that have one."""
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in chosen["metadata_server"]]
    return [{"to": blocks}] if blocks else []


def _dns() -> Manifest:
    return {"to": [DNS], "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def _cron_job(service: Service, operation: str, cron: str) -> Manifest:
    """Start the operation like Cloud Scheduler. Work that must run more often than every minute loops within the
    job."""
    name = operation.replace("_", "-")
    starter = {
        "name": "start",
        "image": service.image,
        "command": ["python", "-c", START],
        "env": [{"name": "TARGET", "value": f"http://{service.name}/schedule/{operation}"}],
        "envFrom": SETTINGS[:1],
        "resources": {
            "requests": {"cpu": "10m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        },
        "securityContext": SECURITY,
    }
    pod = {
        "serviceAccountName": "start",
        "automountServiceAccountToken": False,
        "containers": [starter],
        "restartPolicy": "Never",
    }
    spec = {
        "schedule": cron,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 50,
        "jobTemplate": {
            "spec": {"backoffLimit": 1, "template": {"metadata": {"labels": STARTS}, "spec": pod}}
        },
    }
    meta = {"name": name, "namespace": service.values["namespace"], "labels": service.labels}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": spec}
