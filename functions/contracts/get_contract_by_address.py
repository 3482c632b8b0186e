"""Get the caller's contract at an address of a chain."""

from __future__ import annotations

from schemas.contracts import ContractByAddress, ContractDetail
from shared import resources
from shared.contracts import proxies
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import contracts


@http(
    "GET",
    "/contracts/by-address/{chain}/{address}",
    permission="contract:read",
    others="owner",
    request=ContractByAddress,
    answer=ContractDetail,
    needs=("chain",),
)
def get_contract_by_address(request: ContractByAddress, caller: Caller) -> ContractDetail:
    session = Session(resources.database().snapshot())
    address = parse_address(request.address)
    for contract in contracts.at(session, caller.user_id, request.chain, address):
        return ContractDetail.seen(contract, proxies.of(contract))
    raise NotFound
