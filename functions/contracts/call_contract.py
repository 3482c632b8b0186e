"""Call a read function of a contract, at the newest or a given block. Nothing is sent."""

from __future__ import annotations

from schemas.contracts import CallContract, CallResult
from shared import resources
from shared.contracts import calls, read_slots
from shared.domain.contracts import abi
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.keys.addresses import ZERO_ADDRESS, parse_address
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned
from shared.store.tables.wallets import holding


@http(
    "POST",
    "/contracts/{contract_id}/call",
    permission="contract:read",
    others="see",
    request=CallContract,
    answer=CallResult,
    idempotency="none",
    writes=False,
    needs=("chain",),
)
def call_contract(request: CallContract, caller: Caller) -> CallResult:
    session = Session(resources.database().snapshot())
    contract = session.one(owned(caller, request.contract_id))
    entries = contract.entries
    entry = abi.method(entries, request.method)
    sender = _sender(session, caller, contract.chain, request.from_)
    with read_slots.held(caller):
        result = calls.call(
            resources.chain(contract.chain),
            entries,
            contract.place,
            entry,
            request.arguments,
            sender=sender,
            block=request.block,
        )
    return CallResult(result=result)


def _sender(session: Session, caller: Caller, chain: str, address: str | None) -> str:
    """The sender of the call. Raises InvalidValue for a foreign address, because a contract may tell some senders more
    than others."""
    if address is None:
        return ZERO_ADDRESS
    sender = parse_address(address, "from")
    if not holding(session, caller.user_id, chain, sender):
        raise InvalidValue("from", "is not the address of a wallet of the caller's on this chain")
    return sender
