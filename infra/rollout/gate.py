"""Judge a revision by its metrics in Cloud Monitoring, compared with the previous revision's."""

from __future__ import annotations

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from infra.rollout.cloud import Cloud, Place

T = TypeVar("T")
MONITORING = "https://monitoring.googleapis.com"
ATTEMPTS = 3
CALL_SECONDS = 30


class Unhealthy(Exception):
    """A revision must not get more requests; the text contains the reason."""


@dataclass(frozen=True)
class Limits:
    """How much worse a revision may be than the previous one."""

    error_ratio: float = 0.01
    error_factor: float = 2.0
    latency_ms: float = 500.0
    latency_factor: float = 1.5
    enough: int = 20  # requests needed to judge a latency


@dataclass(frozen=True)
class Seen:
    """The metrics of one revision in one window: requests, 5xx answers, and the 95th percentile in milliseconds."""

    requests: float = 0.0
    errors: float = 0.0
    latency: float = 0.0


@dataclass
class Gate:
    """Queries Monitoring by PromQL for a region's revisions. Unknown counts as not healthy."""

    cloud: Cloud
    window: int  # seconds
    limits: Limits = field(default_factory=Limits)
    url: str = MONITORING
    pause: float = 5.0
    baseline: dict[Place, Seen] = field(default_factory=dict)

    def check(self, region: str, pairs: dict[Place, tuple[str, str]]) -> list[str]:
        """Judge each (new, old) pair; returns the pairs with too few requests. Raises Unhealthy naming all failed
        pairs."""
        seen = self._seen(region, [name for pair in pairs.values() for name in pair])
        failed, unsure = [], []
        for place, (new, old) in sorted(pairs.items()):
            before, now = seen.get(old, Seen()), seen.get(new, Seen())
            if before.requests >= self.limits.enough:
                self.baseline[place] = before  # at 100 % the previous revision has no requests
            why = judge(now, self.baseline.get(place, before), self.limits)
            if why:
                failed.append(f"{place}: {why}")
            elif now.requests < self.limits.enough:
                unsure.append(f"{place}: {now.requests:.0f} requests")
        if failed:
            raise Unhealthy("; ".join(failed))
        return unsure

    def _seen(self, region: str, revisions: list[str]) -> dict[str, Seen]:
        which = f'monitored_resource="cloud_run_revision",location="{region}",revision_name=~"{"|".join(revisions)}"'
        counts = self._query(
            "sum by (revision_name, response_code_class) "
            f"(increase(run_googleapis_com:request_count{{{which}}}[{self.window}s]))"
        )
        latencies = self._query(
            "histogram_quantile(0.95, sum by (revision_name, le) "
            f"(increase(run_googleapis_com:request_latencies_bucket{{{which}}}[{self.window}s])))"
        )
        requests: dict[str, float] = {}
        errors: dict[str, float] = {}
        for labels, value in counts:
            name = labels["revision_name"]
            requests[name] = requests.get(name, 0.0) + value
            if labels.get("response_code_class") == "5xx":
                errors[name] = errors.get(name, 0.0) + value
        slow = {labels["revision_name"]: value for labels, value in latencies}
        return {
            name: Seen(count, errors.get(name, 0.0), slow.get(name, 0.0)) for name, count in requests.items()
        }

    def _query(self, query: str) -> list[tuple[dict[str, str], float]]:
        url = f"{self.url}/v1/projects/{self.cloud.project}/location/global/prometheus/api/v1/query"
        body = urllib.parse.urlencode({"query": query}).encode()

        def ask() -> Any:
            headers = {"Authorization": f"Bearer {self.cloud.token()}"}
            request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310
                return json.load(answer)

        try:
            result = patiently(ask, self.pause)["data"]["result"]
        except (OSError, ValueError, KeyError) as error:
            raise Unhealthy(f"Cloud Monitoring does not tell how it goes: {error}") from error
        values = [(each["metric"], float(each["value"][1])) for each in result]
        return [(labels, value) for labels, value in values if not math.isnan(value)]


def judge(now: Seen, before: Seen, limits: Limits) -> str | None:
    """The fault, with its numbers; None if there is none. A single error is never enough."""
    usual = before.errors / before.requests if before.requests else 0.0
    allowed = max(1.0, now.requests * max(limits.error_ratio, usual * limits.error_factor))
    if now.errors > allowed:
        return f"{now.errors:.0f} of {now.requests:.0f} requests failed, {allowed:.1f} would pass"
    bound = max(limits.latency_ms, before.latency * limits.latency_factor)
    if now.requests >= limits.enough and now.latency > bound:
        return f"p95 is {now.latency:.0f} ms, {bound:.0f} ms would pass"
    return None


def patiently(ask: Callable[[], T], pause: float) -> T:
    """The answer, asked for up to three times; the pauses in seconds grow. Raises the last OSError."""
    for attempt in range(1, ATTEMPTS):
        try:
            return ask()
        except OSError:
            time.sleep(pause * attempt)
    return ask()
