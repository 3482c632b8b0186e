"""Claim any open order that matches the filter, preferably the oldest; 204 if there is none."""

from __future__ import annotations

import random
from datetime import timedelta

from schemas.claims import Claim, ClaimNext
from shared import resources
from shared.desk import claims, open_orders
from shared.domain.desk.claims import OrderAlreadyClaimed, OrderExpired
from shared.domain.errors import InvalidState
from shared.domain.permissions import Caller
from shared.runtime.errors import Contended
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables import wallets
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit, replay_if_done

TRIES = 6  # orders that one call tries to claim
# One of this many oldest orders is picked at random, so that claimers do not all try the same one. After each that
# somebody else was faster to claim, one of twice as many: at a fixed number, a crowd would be in its own way.
CHOICE = 8


@http(
    "POST",
    "/claims/next",
    permission="claim:execute",
    request=ClaimNext,
    answer=Claim,
    status=201,
    location="/claims/{id}",
    also=(204,),
    publishes=("claim-events", "order-events"),
)
@message("claim-commands", type="claim.next", request=ClaimNext)
def claim_next(request: ClaimNext, caller: Caller) -> Claim | None:
    claimer = _claimer(request, caller)
    criteria = open_orders.Criteria.of(request.chain, request.currency, request.min_amount, claimer)
    lease = timedelta(seconds=resources.settings().claim_lease_seconds)
    lost: set[str] = set()
    while len(lost) < TRIES:
        oldest = _oldest(criteria, CHOICE << len(lost))
        if not oldest:
            replay_if_done()
            return None
        free = [order_id for order_id in oldest if order_id not in lost]
        if not free:
            break
        order_id = random.choice(free)  # noqa: S311 - spreads claimers
        try:
            return commit(_claim, order_id, request.wallet_id, caller, lease, optimistic=True)
        except (OrderAlreadyClaimed, OrderExpired, InvalidState):
            lost.add(order_id)
    raise Contended


def _oldest(criteria: open_orders.Criteria, count: int) -> list[str]:
    """The ids of the oldest matching orders. Raises NoneAmongOldest, unless the request has its answer already."""
    try:
        return [entry["order_id"] for entry in open_orders.oldest(criteria, count)]
    except open_orders.NoneAmongOldest:
        replay_if_done()
        raise


def _claimer(request: ClaimNext, caller: Caller) -> str:
    """The id of the claimer, whose own orders are skipped: the wallet's owner if the caller acts for others.

    Raises NotFound."""
    if request.wallet_id is None or not caller.acts_for_others:
        return caller.user_id
    wallet = Session(resources.database().snapshot()).one(wallets.usable(caller, request.wallet_id))
    return wallet.user_id


def _claim(unit: UnitOfWork, order_id: str, wallet_id: str | None, caller: Caller, lease: timedelta) -> Claim:
    """Claim the order, unless the same claimer holds it already: then another call of theirs has claimed it."""
    return claims.begin(unit, order_id, wallet_id, caller, lease, replay=False)
