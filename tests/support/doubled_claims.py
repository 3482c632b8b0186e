"""Falsify histories of claims: somebody is told of a successful claim in the middle of another's claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.model.claims import REFUSED, ClaimCall
from tests.model.linearizability import Call

History = Sequence[Call[ClaimCall]]


def doubled(history: History, rng: Random) -> list[Call[ClaimCall]] | None:
    """Return a copy with one double claim, or None if no claim has two answered calls, one after the other.

    If somebody was refused between the two, the refusal becomes a success; otherwise an additional claim succeeds
    there. The false winner is told the holder's epoch or one of the next: an unguarded second winner could be told
    these.
    """
    spans = [
        (won, later)
        for won in history
        if won.what.status == 201 and won.ended is not None
        for later in history
        if later.what.status in (200, 202) and later.what.kind != "claim" and later.ended is not None
        if later.what.claim == won.what.got and later.begun > won.ended
    ]
    if not spans:
        return None
    won, later = rng.choice(spans)
    assert won.ended is not None and won.what.got_epoch is not None
    refused = [
        place
        for place, call in enumerate(history)
        if call.what.code == REFUSED and call.ended and won.ended < call.begun and call.ended < later.begun
    ]
    fake = {"status": 201, "code": None, "got": "clm_double", "lease": won.what.lease}
    fake["got_epoch"] = won.what.got_epoch + rng.randint(0, 2)
    if refused:
        place = rng.choice(refused)
        call = history[place]
        return [*history[:place], replace(call, what=replace(call.what, **fake)), *history[place + 1 :]]
    between = Call(won.ended + 0.2, won.ended + 0.4, replace(won.what, user="usr_double", **fake))
    return [*history, between]
