"""Check whether the calls of a recorded history could have happened one after the other (Wing & Gong, with Lowe's
memory).

Each call takes effect at one moment between its beginning and its answer. A call without an answer takes effect at any
moment after its beginning, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
O = TypeVar("O")  # noqa: E741


@dataclass(frozen=True, slots=True)
class Call(Generic[O]):
    """One call of a client. Times are positions in the order of all beginnings and answers. `ended` None: no answer."""

    begun: float
    ended: float | None
    what: O


Step = Callable[
    [S, O], Iterable[S]
]  # the possible states after a call with this answer; none: the answer is impossible


def linearizable(history: Sequence[Call[O]], start: S, step: Step[S, O]) -> bool:
    """Tell whether some order of the calls explains every answer."""
    calls = sorted(history, key=lambda call: call.begun)
    answered = sum(1 << place for place, call in enumerate(calls) if call.ended is not None)
    seen = {(0, start)}
    open_ends = [(0, start)]
    while open_ends:
        done, state = open_ends.pop()
        if done & answered == answered:
            return True
        for place in _next(calls, done):
            for after in step(state, calls[place].what):
                reached = (done | 1 << place, after)
                if reached not in seen:
                    seen.add(reached)
                    open_ends.append(reached)
    return False


def _next(calls: Sequence[Call[O]], done: int) -> list[int]:
    """The calls that may come next: those that began before any of the remaining calls was answered."""
    found = []
    first_answer: float = float("inf")
    place = (~done & (done + 1)).bit_length() - 1
    while place < len(calls) and calls[place].begun < first_answer:
        if not done >> place & 1:
            found.append(place)
            ended = calls[place].ended
            if ended is not None:
                first_answer = min(first_answer, ended)
        place += 1
    return found
