"""Call a new revision before it gets requests, and while it gets few."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from infra.rollout.closure import catalog
from infra.rollout.cloud import Cloud, Place
from infra.rollout.gate import CALL_SECONDS, Unhealthy, patiently

READY = "/ready"
SCHEDULE_SECONDS = 75  # a schedule's work may fill its minute


@dataclass
class Smoke:
    """Calls a new revision through the balancer's canary hosts, which need the secret header.

    `url` contains {service} and {region}; `audience` is the audience of Pub/Sub's and Cloud Scheduler's tokens.
    """

    cloud: Cloud
    url: str
    secret: str = field(repr=False)
    audience: str = ""
    pause: float = 5.0

    def check(self, place: Place, revision: str, operations: list[str]) -> None:
        """Check that the revision is ready and answers every route without a fault. Raises Unhealthy."""
        base = self.url.format(service=place.service, region=place.region)
        headers = {"X-Canary": self.secret}
        status, body = self._call("GET", base + READY, headers)
        if status != HTTPStatus.OK:
            raise Unhealthy(f"{place}: /ready answers {status}: {body[:200]}")
        answered = json.loads(body).get("revision")
        if answered != revision:
            raise Unhealthy(f"{place}: the canary host leads to {answered}, not to {revision}")
        for method, path in self._routes(operations):
            status, body = self._call(method, base + path, headers)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Unhealthy(f"{place}: {method} {path} answers {status}: {body[:200]}")
        self._as_google(place, base, headers, operations)

    def exercise(self, place: Place, times: int) -> None:
        """Request the new revision's readiness `times` times, because a share of few requests is too small to judge."""
        url = f"{self.url.format(service=place.service, region=place.region)}{READY}"
        for _ in range(times):
            self._call("GET", url, {"X-Canary": self.secret})

    def _as_google(self, place: Place, base: str, headers: dict[str, str], operations: list[str]) -> None:
        """Start a real schedule, or push an invalid message, with the token that Google would send. A schedule that
        runs twice at the same time has no further effect; an invalid push is refused after its sender is
        authenticated."""
        starts = [
            (trigger["seconds"], f"/schedule/{name}", HTTPStatus.NO_CONTENT)
            for name in operations
            for trigger in catalog()[name]["schedules"]
        ]
        pushes = [
            (0, f"/push/{name}", HTTPStatus.UNPROCESSABLE_ENTITY)
            for name in operations
            if catalog()[name]["messages"]
        ]
        known = (
            headers | {"Authorization": f"Bearer {self.cloud.caller_token(self.audience)}"}
            if starts or pushes
            else {}
        )
        # The schedule with the longest period is the fastest, because frequent work loops for its whole minute.
        for _, path, wanted in [*sorted(starts)[-1:], *pushes[:1]]:
            status, body = self._call("POST", base + path, known, SCHEDULE_SECONDS)
            if status != wanted:
                raise Unhealthy(f"{place}: POST {path} as Google answers {status}: {body[:200]}")

    def _routes(self, operations: list[str]) -> list[tuple[str, str]]:
        routes: list[Any] = [route for name in operations for route in catalog()[name]["http"]]
        plain = str.maketrans({"{": "", "}": ""})
        return [(route["method"], route["path"].translate(plain)) for route in routes]

    def _call(
        self, method: str, url: str, headers: dict[str, str], seconds: int = CALL_SECONDS
    ) -> tuple[int, str]:
        def ask() -> tuple[int, str]:
            request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
                    return answer.status, answer.read(65536).decode(errors="replace")
            except urllib.error.HTTPError as error:
                return error.code, error.read(65536).decode(errors="replace")

        try:
            return patiently(ask, self.pause)
        except OSError as error:
            raise Unhealthy(f"{url} does not answer: {error}") from error
