"""The steps of a rollout: look, deploy, call, shift, and roll back. `command` defines their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.rollout import closure as rollout_closure
from infra.rollout.cloud import Cloud, CloudError, Place, Revision, State
from infra.rollout.gate import Gate, Unhealthy
from infra.rollout.smoke import Smoke

WHOLE = 100
STEPS = (5, 25, WHOLE)


class Refused(Exception):
    """The rollout cannot begin; nothing was changed."""


@dataclass(frozen=True)
class Change:
    """A service whose code changed: the revision `before` with its requests, and the new revision once it is
    deployed."""

    place: Place
    before: str
    closure: str
    new: str | None = None
    share: int = 0  # per cent of the requests for the new revision


@dataclass
class Rollout:
    """One release. `changes` is the remaining work; `look` finds it."""

    cloud: Cloud
    image: str
    release: str
    regions: list[str]
    services: dict[str, list[str]]
    homes: dict[str, Set[str]]  # the regions of each service
    gate: Gate
    smoke: Smoke
    bake: float = 300.0
    parallel: int = 12
    synthetic: int = 0  # our own requests to each new revision before a step is judged
    everything: bool = False  # also unchanged services, for settings that Terraform has changed
    say: Callable[[str], None] = print
    changes: dict[Place, Change] = field(default_factory=dict)

    def look(self) -> None:
        """Find the changes and the progress of an earlier run. Raises Refused if a service is not in a state to
        begin."""
        closures = {
            service: rollout_closure.digest(names, service) for service, names in self.services.items()
        }
        problems: list[str] = []
        self.changes = {}
        for region in self.regions:
            states = self.cloud.states(region)
            for service, closure in closures.items():
                if region not in self.homes[service]:
                    continue
                place = Place(region, service)
                state = states.get(service)
                if state is None:
                    problems.append(f"{place} is not there: Terraform makes the services")
                    continue
                try:
                    change = self._change(place, state, closure)
                except Refused as error:
                    problems.append(str(error))
                    continue
                if change:
                    self.changes[place] = change
        if problems:
            raise Refused("; ".join(problems))

    def _change(self, place: Place, state: State, closure: str) -> Change | None:
        new = self._ours(state)
        others = sorted(name for name in state.traffic if new is None or name != new.name)
        if len(others) > 1:
            raise Refused(f"{place} is split between {' and '.join(others)}: send all to one of them first")
        share = state.traffic.get(new.name, 0) if new else 0
        fits = new is not None and new.labels.get("closure") == closure and new.ready
        if new is not None and fits:
            before = others[0] if others else new.labels.get("previous", "")
            return None if share == WHOLE else Change(place, before, closure, new.name, share)
        if new is not None and share:
            raise Refused(
                f"{place}: {new.name} of this release has {share} % and is not of this tree: roll back first"
            )
        if not others:
            raise Refused(f"{place} sends its requests nowhere")
        if state.labels(others[0]).get("closure") == closure and not self.everything:
            return None
        return Change(place, others[0], closure)

    def _ours(self, state: State) -> Revision | None:
        """This release's revision: the one with requests, otherwise the one with the tag."""
        named = [state.revisions[name] for name in state.traffic if name in state.revisions]
        candidates = [*named, *([state.tagged] if state.tagged else [])]
        return next((each for each in candidates if each.labels.get("release") == self.release), None)

    def deploy(self) -> None:
        """Deploy new revisions of all changed services, without traffic. Raises CloudError, Unhealthy."""
        waiting = [change for change in self.changes.values() if change.new is None]
        self.say(f"deploying {len(waiting)} of {len(self.changes)} changed services")
        self._each(waiting, self._deploy)
        self.look()
        lost = [str(change.place) for change in self.changes.values() if change.new is None]
        if lost:
            raise Unhealthy(f"not ready after the deployment: {', '.join(lost)}")

    def _deploy(self, change: Change) -> None:
        labels = {"closure": change.closure, "release": self.release, "previous": change.before}
        self.cloud.deploy(change.place, self.image, labels)

    def call(self) -> None:
        """Run the smoke test on all new revisions. Raises Unhealthy."""
        self.say(f"calling {len(self.changes)} new revisions")
        self._each(self.changes.values(), self._call)

    def _call(self, change: Change) -> None:
        assert change.new is not None
        if change.place.service.startswith(rollout_closure.GRPC):
            return  # no HTTP: Cloud Run has already checked its health when it is ready
        self.smoke.check(change.place, change.new, self.services[change.place.service])

    def shift(self) -> None:
        """Shift the requests, region by region and step by step. Raises CloudError, Unhealthy."""
        for region in self.regions:
            here = [change for change in self.changes.values() if change.place.region == region]
            for step in STEPS:
                behind = [change for change in here if change.share < step]
                if not behind:
                    continue
                self.say(f"{region}: {step} % to {len(behind)} new revisions")
                self._each(behind, lambda change, step=step: self._send(change, step))  # type: ignore[misc]
                spoken = [c for c in behind if not c.place.service.startswith(rollout_closure.GRPC)]
                self._each(spoken, lambda change: self.smoke.exercise(change.place, self.synthetic))
                time.sleep(self.bake)
                pairs = {change.place: (str(change.new), change.before) for change in behind}
                for unsure in self.gate.check(region, pairs):
                    self.say(f"too few to judge: {unsure}")

    def _send(self, change: Change, share: int) -> None:
        self.cloud.send(change.place, {str(change.new): share, change.before: WHOLE - share})

    def back(self) -> list[str]:
        """Return all services to their previous revisions; returns those that failed, with the known facts."""
        stuck = []
        for region in self.regions:
            try:
                moved = list(self._moved(region))
            except CloudError as error:
                self.say(f"{region} cannot be read, everything that changed is sent back: {error}")
                moved = [c for c in self.changes.values() if c.place.region == region and c.new]
            with ThreadPoolExecutor(self.parallel) as pool:
                stuck += [failure for failure in pool.map(self._undo, moved) if failure]
        return stuck

    def _moved(self, region: str) -> Iterator[Change]:
        """The services of a region whose new revision of this release has requests."""
        for service, state in self.cloud.states(region).items():
            new = self._ours(state)
            if service in self.services and new and state.traffic.get(new.name):
                others = [name for name in state.traffic if name != new.name]
                before = others[0] if others else new.labels.get("previous", "")
                share = state.traffic[new.name]
                yield Change(Place(region, service), before, new.labels.get("closure", ""), new.name, share)

    def _undo(self, change: Change) -> str | None:
        left = f"{change.place}: {change.share} % to {change.new}, wanted all to {change.before or 'the one before'}"
        if not change.before:
            return f"{left}, which nothing names"
        try:
            self.cloud.send(change.place, {change.before: WHOLE})
        except CloudError as error:
            return f"{left}: {error}"
        self.say(f"{change.place}: all to {change.before} again")
        return None

    def _each(self, changes: Iterable[Change], act: Callable[[Change], None]) -> None:
        """Act on all changes, `parallel` at a time; wait for all, then raise the first failure."""
        with ThreadPoolExecutor(self.parallel) as pool:
            futures = [pool.submit(act, change) for change in changes]
        for future in futures:
            future.result()
