"""What the drill's clients were told, by order and by supply, and the contradictions in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tests.drill.device import Answer
from tests.model.claims import ClaimCall, OrderState, step
from tests.model.linearizability import Call, linearizable

READ_SECONDS = 20.0  # the maximum age of an answer without Min-Version: a cached copy of another region


@dataclass(frozen=True, slots=True)
class Reserve:
    """A call that changes a supply's available amount, or reads it; units of 10⁻⁶. `status` 0: no answer."""

    kind: Literal["place", "cancel", "read"]
    amount: int
    status: int


def supply_step(available: int, call: Reserve) -> Iterator[int]:
    """The amounts that a supply may have left after this call got this answer."""
    if call.kind == "read":
        if call.amount == available:
            yield available
    elif call.kind == "cancel":
        yield available + call.amount
    elif call.status in (0, 201) and available >= call.amount:
        yield available - call.amount
    elif call.status == 409 and available < call.amount:
        yield available


@dataclass(slots=True)
class Known:
    """An order as its clients know it."""

    order: str
    owner: int
    amount: int
    claims: list[tuple[str, int, int]] = field(default_factory=list)  # claim, epoch, claimer
    calls: list[Call[ClaimCall]] = field(default_factory=list)
    ended: bool = False
    paid: tuple[int, str] | None = None  # claimer and claim of the requested payment


@dataclass(slots=True)
class History:
    """All observations that must be explained at the end."""

    orders: dict[str, Known] = field(default_factory=dict)
    supplies: dict[int, list[Call[Reserve]]] = field(default_factory=dict)
    versions: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # (time, version)
    stale: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)  # answers older than their Min-Version
    oldest: float = 0.0  # seconds, over all reads
    unanswered: list[str] = field(default_factory=list)

    def reserved(
        self, owner: int, kind: Literal["place", "cancel", "read"], amount: int, answer: Answer
    ) -> None:
        ended = answer.ended if answer.status else None
        what = Reserve(kind, amount, answer.status)
        self.supplies.setdefault(owner, []).append(Call(answer.begun, ended, what))

    def saw(self, what: str, answer: Answer, least: int | None = None) -> None:
        """Record a read of a resource by id; `least` is its Min-Version."""
        if answer.status != 200 or answer.version is None:
            return
        known = self.versions.setdefault(what, [])
        if least is not None and answer.version < least:
            self.behind.append(f"{what}: {answer.version} instead of {least}")
        missed = [when for when, version in known if version > answer.version and when <= answer.begun]
        if missed:
            age = answer.begun - min(missed)
            self.oldest = max(self.oldest, age)
            if age > READ_SECONDS:
                self.stale.append(
                    f"{what}: version {answer.version}, {age:.1f} s after a newer one was known"
                )
        self.knows(what, answer)

    def knows(self, what: str, answer: Answer) -> None:
        """Record that an answer proves its version existed when it came."""
        if answer.version is not None:
            self.versions.setdefault(what, []).append((answer.ended, answer.version))

    def newest(self, what: str) -> int | None:
        return max((version for _, version in self.versions.get(what, [])), default=None)

    def impossible(self, supply: int) -> list[str]:
        """Orders and supplies with answers that no order of the calls explains. `supply`: the initial amount of
        each."""
        wrong = [one.order for one in self.orders.values() if not linearizable(one.calls, OrderState(), step)]
        for owner, calls in self.supplies.items():
            if not linearizable(calls, supply, supply_step):
                wrong.append(f"supply of shopper {owner}")
        return wrong
