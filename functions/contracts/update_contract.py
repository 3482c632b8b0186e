"""Change the name and metadata of a contract."""

from __future__ import annotations

from schemas.base import given
from schemas.contracts import Contract, UpdateContract
from shared.domain.contracts.contracts import described
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables import metadata
from shared.store.tables.contracts import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("PUT", "/contracts/{contract_id}", permission="contract:write", request=UpdateContract, answer=Contract)
def update_contract(request: UpdateContract, caller: Caller) -> Contract:
    return commit(_update, request, caller)


def _update(unit: UnitOfWork, request: UpdateContract, caller: Caller) -> Contract:
    contract = unit.one(usable(caller, request.contract_id))
    unit.match(contract)
    notes = given(request, "metadata").get("metadata", contract.metadata)
    after = described(contract, request.name or contract.name, notes, unit.now)
    if after != contract:
        unit.write(after)
        metadata.write_changes(unit, contract, after)
    return Contract.of(after)
