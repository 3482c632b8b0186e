"""List the caller's contracts, newest first, without their ABIs."""

from __future__ import annotations

from schemas.contracts import Contract, ContractPage, ListContracts
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import owned_lists
from shared.runtime.operation import http
from shared.store.tables.contracts import CONTRACTS_BY_OWNER


@http("GET", "/contracts", permission="contract:read", request=ListContracts, answer=ContractPage)
def list_contracts(request: ListContracts, caller: Caller) -> ContractPage:
    rows, cursor = owned_lists.page(
        CONTRACTS_BY_OWNER,
        [caller.listed(request.user_id)],
        request,
        filters={"chain": resources.registry().named(request.chain), "type": request.type},
        without=("abi",),  # of up to a megabyte each
    )
    return ContractPage(items=[Contract.of(row, abi=False) for row in rows], next_cursor=cursor)
