"""Deploy new versions of secrets to all services within minutes, for example if a secret has leaked.

    python -m infra.rollout rotate --project P --release rotate-7 --secret token-keys=2 --secret token-keys-public=2 …

Traffic is pinned to revisions, so a changed setting has no effect until a new revision gets traffic, and a rollout
takes most of an hour for that. The rotation instead gives every service with one of the secrets a new revision of the
same image, calls it, and sends it all requests, in all regions at once. Failed services keep the old version and are
listed. There is no rollback, because the old version is the one to replace. A restarted rotation does the remaining
work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from infra.rollout.cloud import Cloud, CloudError, Place, Revision
from infra.rollout.gate import Unhealthy
from infra.rollout.smoke import Smoke

W = TypeVar("W")
WHOLE = 100


@dataclass
class Rotation:
    """`versions` maps each secret to its new version; `release` labels the new revisions."""

    cloud: Cloud
    release: str
    regions: list[str]
    services: dict[str, list[str]]
    smoke: Smoke
    versions: dict[str, str]
    parallel: int = 12
    say: Callable[[str], None] = print

    def run(self) -> list[str]:
        """Rotate; returns the places that still have an old version, with the reason. Raises CloudError if a region
        cannot be read."""
        waiting = {place: live for region in self.regions for place, live in self._behind(region).items()}
        self.say(f"{len(waiting)} services have an old version of {', '.join(sorted(self.versions))}")
        failed = self._each(waiting, self._renew)
        renewed = {place: live for place, live in waiting.items() if place not in failed}
        states = {region: self.cloud.states(region) for region in sorted({p.region for p in renewed})}
        made = {place: states[place.region][place.service].tagged for place in renewed}
        failed |= self._each(made, self._take_over)
        return [f"{place}: {why}" for place, why in sorted(failed.items())]

    def _behind(self, region: str) -> dict[Place, Revision]:
        """The revisions that get requests and have an old version; for each service, the one with the largest share."""
        found = {}
        for service, state in self.cloud.states(region).items():
            if service not in self.services:
                continue
            live = [state.revisions[name] for name in state.traffic if name in state.revisions]
            old = [revision for revision in live if self._changes(revision)]
            if old:
                found[Place(region, service)] = max(live, key=lambda revision: state.traffic[revision.name])
        return found

    def _changes(self, revision: Revision) -> dict[str, str]:
        return {
            where: f"{name}:{self.versions[name]}"
            for where, (name, version) in revision.secrets.items()
            if self.versions.get(name, version) != version
        }

    def _renew(self, place: Place, live: Revision) -> None:
        closure = (
            {"closure": live.labels["closure"]} if "closure" in live.labels else {}
        )  # the code is the same
        labels = {**closure, "release": self.release, "previous": live.name}
        self.cloud.renew(place, live.image, self._changes(live), labels)

    def _take_over(self, place: Place, made: Revision | None) -> None:
        if made is None or not made.ready or made.labels.get("release") != self.release:
            raise Unhealthy("the new revision does not get ready")
        if self._changes(made):
            raise Unhealthy(f"{made.name} has an old version")
        self.smoke.check(place, made.name, self.services[place.service])
        self.cloud.send(place, {made.name: WHOLE})
        self.say(f"{place}: all to {made.name}")

    def _each(self, work: Mapping[Place, W], act: Callable[[Place, W], None]) -> dict[Place, str]:
        """Act on all places, `parallel` at a time; returns the failures."""

        def tried(place: Place) -> str | None:
            try:
                act(place, work[place])
            except (CloudError, Unhealthy) as error:
                return str(error)
            return None

        with ThreadPoolExecutor(self.parallel) as pool:
            return {place: why for place, why in zip(work, pool.map(tried, work), strict=True) if why}
