"""Delete a contract with its ABI, and end its follow. Nothing changes on the chain.

Contracts that it has added as a factory stay, and so do transactions that call it. One that is being deployed cannot be
deleted: its transaction is sent in any case, unless it is cancelled.
"""

from __future__ import annotations

from schemas.contracts import Contract, GetContract
from shared.contracts.events import following
from shared.domain.errors import InvalidState
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.partial_rows import without_columns
from shared.store.tables import metadata
from shared.store.tables.contract_events import FOLLOWS
from shared.store.tables.contracts import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "DELETE",
    "/contracts/{contract_id}",
    permission="contract:write",
    request=GetContract,
    status=204,
    publishes=("contract-events",),
)
def delete_contract(request: GetContract, caller: Caller) -> None:
    commit(_delete, request, caller)


def _delete(unit: UnitOfWork, request: GetContract, caller: Caller) -> None:
    contract, follow = unit.read(
        without_columns(usable(caller, request.contract_id), "abi"), FOLLOWS.find(request.contract_id)
    )
    unit.match(contract)
    if contract.status == "deploying":
        raise InvalidState(
            "The contract is being deployed: wait, or cancel its transaction.", status=contract.status
        )
    if follow is not None:
        following.end(unit, follow)
    unit.delete(contract, *metadata.entries(contract))
    place = {"name": contract.name, "chain": contract.chain, "address": contract.address}
    unit.audit(contract.id, before=place)
    view = Contract.of(contract, abi=False)
    unit.emit("contract.deleted", contract.id, contract.version + 1, view, feed=[contract.user_id])
