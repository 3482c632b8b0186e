"""Get one contract with its ABI and, if it is a proxy, its implementation."""

from __future__ import annotations

from schemas.contracts import ContractDetail, GetContract
from shared import resources
from shared.contracts import proxies
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned


@http(
    "GET",
    "/contracts/{contract_id}",
    permission="contract:read",
    request=GetContract,
    answer=ContractDetail,
    needs=("chain",),
)
def get_contract(request: GetContract, caller: Caller) -> ContractDetail:
    contract = Session(resources.database().snapshot()).one(owned(caller, request.contract_id))
    return ContractDetail.seen(contract, proxies.of(contract))
