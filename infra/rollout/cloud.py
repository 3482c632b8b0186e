"""Cloud Run for the rollout, through gcloud. The current state is always queried, never stored: after an interrupted
rollout, the next one continues from the services' own traffic and labels."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

TAG = "canary"
PUSH_ACCOUNT = "events-push"  # infra/identity.tf
ATTEMPTS = 3
QUOTA_ATTEMPTS = 8  # a minute's quota is available again in the next minute
QUOTA_PAUSES = 5  # pauses before that
EXHAUSTED = ("RESOURCE_EXHAUSTED", "Quota exceeded")
TOKEN_SECONDS = 600  # they last an hour


class CloudError(Exception):
    """gcloud failed, three times."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A service in a region."""

    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.service} in {self.region}"


@dataclass(frozen=True)
class Revision:
    name: str
    labels: dict[str, str]
    ready: bool
    image: str
    secrets: dict[str, tuple[str, str]] = field(default_factory=dict)  # {variable or path: (name, version)}


@dataclass(frozen=True)
class State:
    """A service's traffic in per cent by revision, and the revision with the tag."""

    traffic: dict[str, int]
    tagged: Revision | None
    revisions: dict[str, Revision] = field(repr=False)

    def labels(self, revision: str) -> dict[str, str]:
        known = self.revisions.get(revision)
        return known.labels if known else {}


@dataclass
class Cloud:
    """gcloud for one project. `pause` is the time in seconds before a retry."""

    project: str
    pause: float = 3.0
    say: Callable[[str], None] = lambda text: None
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def states(self, region: str) -> dict[str, State]:
        """The state of every service in a region."""
        revisions: dict[str, dict[str, Revision]] = {}
        for item in self._json("run", "revisions", "list", "--region", region):
            service = item["metadata"]["labels"].get("serving.knative.dev/service", "")
            revision = _revision(item)
            revisions.setdefault(service, {})[revision.name] = revision
        found = {}
        for item in self._json("run", "services", "list", "--region", region):
            name = item["metadata"]["name"]
            found[name] = _state(item, revisions.get(name, {}))
        return found

    def deploy(self, place: Place, image: str, labels: dict[str, str]) -> None:
        """Deploy a new revision with the tag and without traffic."""
        marks = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        self._run(
            *("run", "deploy", place.service, "--region", place.region, "--image", image),
            *("--no-traffic", "--tag", TAG, "--update-labels", marks),
        )

    def renew(self, place: Place, image: str, secrets: dict[str, str], labels: dict[str, str]) -> None:
        """Deploy a new revision of this image with these versions of secrets ({variable or path: "name:version"}),
        with the tag and without traffic."""
        marks = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        wanted = ",".join(f"{where}={secret}" for where, secret in sorted(secrets.items()))
        self._run(
            *("run", "services", "update", place.service, "--region", place.region, "--image", image),
            *("--update-secrets", wanted, "--no-traffic", "--tag", TAG, "--update-labels", marks),
        )

    def send(self, place: Place, shares: dict[str, int]) -> None:
        """Split a service's requests. The shares add up to 100, so that no older split remains."""
        assert sum(shares.values()) == 100, shares
        split = ",".join(f"{revision}={share}" for revision, share in shares.items() if share)
        self._run(
            *("run", "services", "update-traffic", place.service, "--region", place.region),
            *("--to-revisions", split),
        )

    def caller_token(self, audience: str) -> str:
        """The identity token that Pub/Sub and Cloud Scheduler send: that of their account, with its e-mail address."""
        account = f"{PUSH_ACCOUNT}@{self.project}.iam.gserviceaccount.com"
        options = (f"--audiences={audience}", f"--impersonate-service-account={account}", "--include-email")
        return self._kept("print-identity-token", *options)

    def token(self) -> str:
        """An access token for Google's APIs."""
        return self._kept("print-access-token")

    def _kept(self, *command: str) -> str:
        value, until = self._tokens.get(command[0], ("", 0.0))
        if time.monotonic() >= until:
            value = self._run("auth", *command).strip()
            self._tokens[command[0]] = (value, time.monotonic() + TOKEN_SECONDS)
        return value

    def _json(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._run(*arguments, "--format", "json") or "[]")
        return found

    def _run(self, *arguments: str) -> str:
        command = ["gcloud", *arguments, "--project", self.project, "--quiet"]
        failures = waits = 0
        while failures < ATTEMPTS and waits < QUOTA_ATTEMPTS:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode == 0:
                return done.stdout
            self.say(f"gcloud {' '.join(arguments[:4])} failed: {_last_line(done.stderr)}")
            if any(word in done.stderr for word in EXHAUSTED):
                waits += 1
                time.sleep(self.pause * QUOTA_PAUSES)
            else:
                failures += 1
                time.sleep(self.pause * failures if failures < ATTEMPTS else 0)
        raise CloudError(f"gcloud {' '.join(arguments)}: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


def _revision(item: dict[str, Any]) -> Revision:
    conditions: Sequence[dict[str, str]] = item.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    spec = item.get("spec", {})
    container = (spec.get("containers") or [{}])[0]
    secrets = dict(_secrets(container, spec.get("volumes", [])))
    return Revision(
        item["metadata"]["name"],
        item["metadata"].get("labels", {}),
        ready,
        container.get("image", ""),
        secrets,
    )


def _secrets(
    container: dict[str, Any], volumes: list[dict[str, Any]]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """(variable or path, (secret, version)), as gcloud's --update-secrets names them."""
    for variable in container.get("env", []):
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield variable["name"], (reference["name"], reference["key"])
    mounted = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
    for volume in volumes:
        secret = volume.get("secret", {})
        for item in secret.get("items", []):
            yield f"{mounted.get(volume['name'], '')}/{item['path']}", (secret["secretName"], item["key"])


def _state(item: dict[str, Any], revisions: dict[str, Revision]) -> State:
    traffic: dict[str, int] = {}
    tagged = None
    for target in item.get("status", {}).get("traffic", []):
        name = target["revisionName"]
        if target.get("percent"):
            traffic[name] = traffic.get(name, 0) + target["percent"]
        if target.get("tag") == TAG:
            tagged = revisions.get(name)
    return State(traffic, tagged, revisions)
