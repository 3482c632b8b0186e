"""Get the ABI of a contract."""

from __future__ import annotations

from schemas.contracts import ContractAbi, GetContract
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned


@http(
    "GET", "/contracts/{contract_id}/abi", permission="contract:read", request=GetContract, answer=ContractAbi
)
def get_contract_abi(request: GetContract, caller: Caller) -> ContractAbi:
    contract = Session(resources.database().snapshot()).one(owned(caller, request.contract_id))
    return ContractAbi(abi=contract.entries)
