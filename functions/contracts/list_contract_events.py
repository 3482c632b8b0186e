"""List the events of a followed contract, newest first, decoded by its ABI.

They can be filtered by event and by the values of indexed arguments.
"""

from __future__ import annotations

from schemas.contract_events import ContractEventPage, ListContractEvents, LoggedEvent
from shared import resources
from shared.contracts.events import decoding, listing
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned


@http(
    "GET",
    "/contracts/{contract_id}/events",
    permission="contract:read",
    request=ListContractEvents,
    answer=ContractEventPage,
)
def list_contract_events(request: ListContractEvents, caller: Caller) -> ContractEventPage:
    session = Session(resources.database().snapshot())
    contract = session.one(owned(caller, request.contract_id))
    final, address = listing.require_followed(session, contract)
    entries = contract.entries
    topics = listing.topics(
        entries,
        request.event,
        request.arguments,
        {1: request.topic1, 2: request.topic2, 3: request.topic3},
    )
    rows, cursor = listing.page(
        (address, contract.chain),
        topics,
        (request.from_block, request.to_block),
        limit=request.limit,
        cursor=request.cursor,
    )
    events = decoding.Events(entries)
    items = [LoggedEvent.of(row, events.decoded(row), final) for row in rows]
    return ContractEventPage(items=items, next_cursor=cursor)
