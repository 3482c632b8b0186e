"""Follow the events of a contract: those of new blocks, and those since an earlier block."""

from __future__ import annotations

from schemas.contract_events import ContractFollow, FollowContract
from shared import resources
from shared.contracts.events import following
from shared.domain.contracts import abi, follows
from shared.domain.contracts.follows import Follow, FutureBlock
from shared.domain.errors import InvalidState
from shared.domain.permissions import Caller
from shared.runtime.operation import BODY_WITH_ABI, http
from shared.store.partial_rows import without_columns
from shared.store.session import Session
from shared.store.tables.contracts import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "PUT",
    "/contracts/{contract_id}/follow",
    permission="contract:write",
    largest=BODY_WITH_ABI,
    request=FollowContract,
    answer=ContractFollow,
    needs=("chain",),
)
def follow_contract(request: FollowContract, caller: Caller) -> ContractFollow:
    contract = Session(resources.database().snapshot()).one(usable(caller, request.contract_id))
    address, client = contract.place, resources.chain(contract.chain)
    head = client.block_number()
    if request.from_block is not None and request.from_block > head:
        raise FutureBlock(head=head)
    factory = None
    if (named := request.factory) is not None:
        factory = following.factory_of(contract, named.event, named.argument, abi.checked(named.abi))
    requested = follows.new_follow(
        contract_id=contract.id,
        user_id=contract.user_id,
        chain=contract.chain,
        address=address.lower(),
        from_block=head if request.from_block is None else request.from_block,
        confirmations=request.confirmations or client.spec.depth,
        announced=request.announce,
        factory=factory,
        now=resources.clock().now(),
    )
    return commit(_follow, caller, requested, request.from_block is None)


def _follow(unit: UnitOfWork, caller: Caller, requested: Follow, anywhere: bool) -> ContractFollow:
    contract = unit.one(without_columns(usable(caller, requested.id), "abi"))
    if contract.place.lower() != requested.address:
        raise InvalidState("The contract has moved to another address.", status=contract.status)
    return ContractFollow.of(*following.follow(unit, requested, keep_start=anywhere))
