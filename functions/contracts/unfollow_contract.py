"""Stop following a contract. When nobody follows its address any more, the indexed events are deleted."""

from __future__ import annotations

from schemas.contract_events import GetFollow
from shared.contracts.events import following
from shared.domain.contracts.follows import NotFollowed
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables.contract_events import FOLLOWS
from shared.store.tables.contracts import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "DELETE",
    "/contracts/{contract_id}/follow",
    permission="contract:write",
    request=GetFollow,
    status=204,
)
def unfollow_contract(request: GetFollow, caller: Caller) -> None:
    commit(_unfollow, request, caller)


def _unfollow(unit: UnitOfWork, request: GetFollow, caller: Caller) -> None:
    contract, follow = unit.read(usable(caller, request.contract_id), FOLLOWS.find(request.contract_id))
    if follow is None:
        raise NotFollowed(contract_id=contract.id)
    following.end(unit, follow)
