"""The specification of claims: one order as its callers may see it, with its holder, epoch and lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["claim", "heartbeat", "release", "process"]
REFUSED = "ORDER_ALREADY_CLAIMED"


@dataclass(frozen=True, slots=True)
class Asked:
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

    def is_of(self, asked: Asked) -> bool:
        """Tell whether the call is about this claim; only the claim's holder could make it, or the owner who pays."""
        caller = asked.kind == "process" or asked.user == self.user
        known = self.claim in (None, asked.claim) and asked.epoch in (None, self.epoch)
        return self.status != "open" and caller and known

    def may_be_over(self, asked: Asked) -> bool:
        return self.status == "held" and (self.lease is None or self.lease <= asked.latest)

    def is_over(self, asked: Asked) -> bool:
        return self.status == "held" and self.lease is not None and self.lease <= asked.earliest

    def reopened(self) -> OrderState:
        return OrderState(epoch=self.epoch + 1)


def step(now: OrderState, asked: Asked) -> Iterator[OrderState]:
    """The possible states of the order after this call got this answer."""
    if asked.kind == "claim":
        yield from _claim(now, asked)
        return
    holds = now.status == "held" and now.is_of(asked) and not now.is_over(asked)
    if asked.status in (0, 200, 202) and holds:
        yield _done(now, asked)
    elif asked.code == "LEASE_LOST" and (not now.is_of(asked) or now.may_be_over(asked)):
        yield now
    elif asked.code == "INVALID_STATE":
        refused = now.status == "processing" and now.is_of(asked)
        if refused or (asked.kind == "process" and (not now.is_of(asked) or now.may_be_over(asked))):
            yield now


def _done(now: OrderState, asked: Asked) -> OrderState:
    if asked.kind == "heartbeat":
        return now._replace(claim=asked.claim, lease=asked.lease)
    if asked.kind == "release":
        return now.reopened()
    return now._replace(status="processing", claim=asked.claim, lease=None)


def _claim(now: OrderState, asked: Asked) -> Iterator[OrderState]:
    free = now if now.status == "open" else now.reopened() if now.may_be_over(asked) else None
    if asked.status in (0, 201):
        if free is not None and asked.got_epoch in (None, free.epoch + 1):
            yield OrderState("held", free.epoch + 1, asked.user, asked.got, asked.lease)
    elif now.is_over(asked):
        return
    elif asked.status == 200:
        same = now.claim in (None, asked.got) and now.epoch == asked.got_epoch
        if now.status != "open" and now.user == asked.user and same:
            yield now._replace(claim=asked.got, lease=asked.lease)
    elif asked.code == REFUSED and now.status != "open" and now.user != asked.user:
        yield now
