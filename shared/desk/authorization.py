"""Check who may act on a row. For everybody else the row does not exist."""

from __future__ import annotations

from shared.domain.desk.claims import Claim
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime.errors import Forbidden


def as_owner(caller: Caller, owner_id: str) -> None:
    """Raises NotFound unless the caller is the owner or acts for others."""
    if not caller.acts_for(owner_id):
        raise NotFound


def as_claimer(caller: Caller, claim: Claim) -> None:
    """Raises NotFound, or Forbidden for the order's owner."""
    _as(caller, claim.user_id, claim.order_user_id)


def as_order_owner(caller: Caller, claim: Claim) -> None:
    """Raises NotFound, or Forbidden for the claimer."""
    _as(caller, claim.order_user_id, claim.user_id)


def _as(caller: Caller, actor_id: str, other_id: str) -> None:
    if caller.acts_for(actor_id):
        return
    if caller.sees(other_id):
        raise Forbidden
    raise NotFound
