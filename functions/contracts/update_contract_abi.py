"""Replace the ABI of a contract. Earlier events are decoded by the new ABI as well."""

from __future__ import annotations

from dataclasses import replace

from schemas.contract_events import UpdateAbi
from schemas.contracts import Contract
from shared.contracts import abis
from shared.domain.contracts import abi
from shared.domain.permissions import Caller
from shared.runtime.operation import BODY_WITH_ABI, http
from shared.store.tables.contracts import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "PUT",
    "/contracts/{contract_id}/abi",
    permission="contract:write",
    largest=BODY_WITH_ABI,
    request=UpdateAbi,
    answer=Contract,
)
def update_contract_abi(request: UpdateAbi, caller: Caller) -> Contract:
    entries = abi.text(abis.given(request.abi, "custom"))
    return commit(_update, request, caller, entries)


def _update(unit: UnitOfWork, request: UpdateAbi, caller: Caller, entries: str) -> Contract:
    contract = unit.one(usable(caller, request.contract_id))
    unit.match(contract)
    if contract.abi != entries:
        contract = replace(contract, abi=entries, version=contract.version + 1, updated_at=unit.now)
        unit.write(contract)
    return Contract.of(contract)
