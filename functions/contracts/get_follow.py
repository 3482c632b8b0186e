"""Get how a contract is followed, how far its events are indexed, and what fails."""

from __future__ import annotations

from schemas.contract_events import ContractFollow, GetFollow
from shared import resources
from shared.contracts.events import following
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned


@http(
    "GET",
    "/contracts/{contract_id}/follow",
    permission="contract:read",
    request=GetFollow,
    answer=ContractFollow,
)
def get_follow(request: GetFollow, caller: Caller) -> ContractFollow:
    session = Session(resources.database().snapshot())
    contract = session.one(owned(caller, request.contract_id))
    return ContractFollow.of(*following.state(session, contract))
