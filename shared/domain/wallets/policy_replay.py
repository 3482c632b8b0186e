"""Replay a wallet's past transactions to show what a draft of a policy would have refused, with the same rules.

Each transaction is decided at its time of acceptance, with what the draft had allowed in the day before. A refused
transaction books nothing. A transaction that has ended counts by its end from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.wallets.outflows.moves import Outflow
from shared.domain.wallets.policies import DAY_HOURS, Policy, PolicyDenied, decide


@dataclass(frozen=True, slots=True)
class Past:
    """An accepted transaction. `unspent`: base units by asset that its end (`ended_at`) showed were not spent."""

    id: str
    accepted_at: datetime
    outflow: Outflow
    unspent: Mapping[str, int]
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The draft's decision about a transaction; `denied` is the refusal, or None if it would have passed."""

    past: Past
    denied: PolicyDenied | None
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class _Booking:
    past: Past
    asset: str
    amount: int

    def at(self, now: datetime) -> int:
        """The amount that still counts at a time."""
        given_back = self.past.ended_at is not None and self.past.ended_at <= now
        return max(0, self.amount - (self.past.unspent.get(self.asset, 0) if given_back else 0))


def replay(draft: Policy, past: Sequence[Past]) -> list[Verdict]:
    """The draft's decision about each transaction, in order of acceptance."""
    found: list[Verdict] = []
    booked: list[_Booking] = []
    for one in sorted(past, key=lambda each: (each.accepted_at, each.id)):
        hour = _hour(one.accepted_at)
        booked = [each for each in booked if _hour(each.past.accepted_at) >= hour - DAY_HOURS]
        spent: dict[str, int] = {}
        for booking in booked:
            spent[booking.asset] = spent.get(booking.asset, 0) + booking.at(one.accepted_at)
        try:
            decision = decide(draft, one.outflow, spent)
        except PolicyDenied as denied:
            found.append(Verdict(one, denied, needs_approval=False))
            continue
        booked += [_Booking(one, asset, amount) for asset, amount in decision.spends.items()]
        found.append(Verdict(one, None, decision.needs_approval))
    return found


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600
