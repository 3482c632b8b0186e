"""Import a contract that is already deployed. There must be code at its address."""

from __future__ import annotations

from dataclasses import replace

from schemas.contracts import Contract, ImportContract
from shared import resources
from shared.contracts import abis, account_limits
from shared.domain.contracts import abi, contracts
from shared.domain.contracts.contracts import ContractExists, NoCode
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.clock import new_id
from shared.runtime.operation import BODY_WITH_ABI, http
from shared.store.session import Session
from shared.store.tables import metadata
from shared.store.tables.contracts import at
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/contracts/import",
    permission="contract:write",
    largest=BODY_WITH_ABI,
    others="owner",
    request=ImportContract,
    answer=Contract,
    status=201,
    location="/contracts/{id}",
    needs=("chain",),
)
def import_contract(request: ImportContract, caller: Caller) -> Contract:
    account_limits.require_room(Session(resources.database().snapshot()), caller.user_id)
    client = resources.chain(request.chain or resources.settings().default_chain)
    address = parse_address(request.address)
    entries = abis.given(request.abi, request.type)
    if not client.code(address):
        raise NoCode
    made = contracts.new_contract(
        contract_id=new_id("ctr"),
        user_id=caller.user_id,
        name=request.name,
        chain=client.spec.name,
        kind=request.type,
        abi=abi.text(entries),
        address=address,
        now=resources.clock().now(),
    )
    return commit(_import, replace(made, metadata=request.metadata))


def _import(unit: UnitOfWork, made: contracts.Contract) -> Contract:
    assert made.address is not None
    for known in at(unit, made.user_id, made.chain, made.address):
        raise ContractExists(contract_id=known.id)
    unit.write(made, *metadata.entries(made))
    return Contract.of(made)
