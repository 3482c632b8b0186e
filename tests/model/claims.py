"""The specification of claims: one order as its callers may see it, with its holder, epoch and lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["claim", "heartbeat", "release", "process"]
REFUSED = "ORDER_ALREADY_CLAIMED"


@dataclass(frozen=True, slots=True)
class ClaimCall:
    """One call with its answer, and its time by the product's clock. `code` is the code of a refusal; `status` 0: no
    answer."""

    kind: Kind
    user: str
    claim: str | None  # the claim it is about; None when claiming
    epoch: int | None
    earliest: datetime
    latest: datetime
    status: int
    code: str | None = None
    got: str | None = None  # the claim in the answer
    got_epoch: int | None = None
    lease: datetime | None = None


class OrderState(NamedTuple):
    """The state of an order. `claim` and `lease` are None if only a lost answer contained them."""

    status: Literal["open", "held", "processing"] = "open"
    epoch: int = 0
    user: str | None = None
    claim: str | None = None
    lease: datetime | None = None

    def is_of(self, call: ClaimCall) -> bool:
        """Tell whether the call is about this claim; only the claim's holder could make it, or the owner who pays."""
        caller = call.kind == "process" or call.user == self.user
        known = self.claim in (None, call.claim) and call.epoch in (None, self.epoch)
        return self.status != "open" and caller and known

    def may_be_over(self, call: ClaimCall) -> bool:
        return self.status == "held" and (self.lease is None or self.lease <= call.latest)

    def is_over(self, call: ClaimCall) -> bool:
        return self.status == "held" and self.lease is not None and self.lease <= call.earliest

    def reopened(self) -> OrderState:
        return OrderState(epoch=self.epoch + 1)


def step(now: OrderState, call: ClaimCall) -> Iterator[OrderState]:
    """The possible states of the order after this call got this answer."""
    if call.kind == "claim":
        yield from _claim(now, call)
        return
    holds = now.status == "held" and now.is_of(call) and not now.is_over(call)
    if call.status in (0, 200, 202) and holds:
        yield _done(now, call)
    elif call.code == "LEASE_LOST" and (not now.is_of(call) or now.may_be_over(call)):
        yield now
    elif call.code == "INVALID_STATE":
        refused = now.status == "processing" and now.is_of(call)
        if refused or (call.kind == "process" and (not now.is_of(call) or now.may_be_over(call))):
            yield now


def _done(now: OrderState, call: ClaimCall) -> OrderState:
    if call.kind == "heartbeat":
        return now._replace(claim=call.claim, lease=call.lease)
    if call.kind == "release":
        return now.reopened()
    return now._replace(status="processing", claim=call.claim, lease=None)


def _claim(now: OrderState, call: ClaimCall) -> Iterator[OrderState]:
    free = now if now.status == "open" else now.reopened() if now.may_be_over(call) else None
    if call.status in (0, 201):
        if free is not None and call.got_epoch in (None, free.epoch + 1):
            yield OrderState("held", free.epoch + 1, call.user, call.got, call.lease)
    elif now.is_over(call):
        return
    elif call.status == 200:
        same = now.claim in (None, call.got) and now.epoch == call.got_epoch
        if now.status != "open" and now.user == call.user and same:
            yield now._replace(claim=call.got, lease=call.lease)
    elif call.code == REFUSED and now.status != "open" and now.user != call.user:
        yield now
