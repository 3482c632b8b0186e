"""New versions of secrets to everything that runs, in minutes: for a secret that is known to somebody else.

    python -m infra.rollout rotate --project P --release rotate-7 --secret token-keys=2 --secret token-keys-public=2 …

Traffic is pinned to revisions, so a changed setting reaches nobody until it is sent there; and a rollout takes most of
an hour to do that step by step. Here every service that has one of the secrets gets a new revision of the same image,
is called, and then takes all requests, in all regions at once. What fails stays behind and is named; nothing goes back:
the version before is the one to get rid of. It may be started again, and does what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from infra.rollout.cloud import Cloud, CloudError, Place, Revision
from infra.rollout.gate import Smoke, Unhealthy

W = TypeVar("W")
WHOLE = 100


@dataclass
class Rotation:
    """`versions` is what each secret is to have, by its name; `release` labels the new revisions."""

    cloud: Cloud
    release: str
    regions: list[str]
    services: dict[str, list[str]]
    smoke: Smoke
    versions: dict[str, str]
    parallel: int = 12
    say: Callable[[str], None] = print

    def run(self) -> list[str]:
        """Rotate; answers what still has an old version, and why. Raises CloudError where a region cannot be read."""
        waiting = {place: live for region in self.regions for place, live in self._behind(region).items()}
        self.say(f"{len(waiting)} services have an old version of {', '.join(sorted(self.versions))}")
        failed = self._each(waiting, self._renew)
        renewed = {place: live for place, live in waiting.items() if place not in failed}
        states = {region: self.cloud.states(region) for region in sorted({p.region for p in renewed})}
        made = {place: states[place.region][place.service].tagged for place in renewed}
        failed |= self._each(made, self._take_over)
        return [f"{place}: {why}" for place, why in sorted(failed.items())]

    def _behind(self, region: str) -> dict[Place, Revision]:
        """The revisions that take requests and have another version, the largest share of each service."""
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
        """All at once, as many as `parallel`; answers the failures."""

        def tried(place: Place) -> str | None:
            try:
                act(place, work[place])
            except (CloudError, Unhealthy) as error:
                return str(error)
            return None

        with ThreadPoolExecutor(self.parallel) as pool:
            return {place: why for place, why in zip(work, pool.map(tried, work), strict=True) if why}
