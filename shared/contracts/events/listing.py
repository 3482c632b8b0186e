"""Find the events that a request selects, in pages from the most suitable index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.contracts.events import decoding
from shared.contracts.events.decoding import UnknownEvent
from shared.domain.contracts import abi as rules
from shared.domain.contracts.abi import Entry
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import ContractEvent
from shared.domain.contracts.follows import NotFollowed
from shared.reads import pagination
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.contract_events import CHAIN_INDEXES, EVENTS_BY_PLACE, EVENTS_BY_TOPIC, FOLLOWS

Topics = dict[int, str]  # by position; the event's own topic is 0


def require_followed(session: Session, contract: Contract) -> tuple[int, str]:
    """(the newest final height, the address) of a followed contract. Raises NotFollowed."""
    follow, index = session.read(FOLLOWS.find(contract.id), CHAIN_INDEXES.find(contract.chain))
    if follow is None:
        raise NotFollowed(contract_id=contract.id)
    return index.final_number if index else -1, follow.address


def topics(
    entries: Sequence[Entry],
    event: str | None,
    arguments: Mapping[str, str],
    given: Mapping[int, str | None],
) -> Topics:
    """The topics that the selected events must have; empty to select all events.

    Raises UnknownEvent, AmbiguousEvent, NotIndexed, InvalidValue.
    """
    if event is None:
        return {}
    raw = {place: value.lower() for place, value in given.items() if value is not None}
    entry = decoding.event(entries, event)
    if entry["anonymous"]:
        raise UnknownEvent(known=[])
    found: Topics = {0: decoding.topic_of(rules.signature(entry)), **raw}
    for name, value in arguments.items():
        place, parameter = decoding.topic_place(entry, name)
        found[place] = decoding.topic_value(parameter, value)
    return found


def page(
    where: tuple[str, str],
    wanted: Topics,
    heights: tuple[int | None, int | None],
    *,
    limit: int,
    cursor: str | None,
) -> tuple[list[ContractEvent], str | None]:
    """One page of events; `where`: (address, chain), `heights`: (lowest, highest). Raises InvalidCursor."""
    places = sorted(place for place in wanted if place)
    narrow = places[0] if places else 0
    index = EVENTS_BY_TOPIC[narrow] if wanted else EVENTS_BY_PLACE
    values = [wanted[place] for place in dict.fromkeys((0, narrow)) if place in wanted]
    others = {f"topic{place}": wanted[place] for place in places if place != narrow}
    lowest, highest = heights

    def keep(entry: Row) -> bool:
        return all(entry[name] == value for name, value in others.items())

    return pagination.page(
        index,
        [*where, *values],
        limit=limit,
        cursor=cursor,
        filters={},
        keep=keep if others else None,
        span=(None if highest is None else (highest + 1, 0), () if lowest is None else (lowest,)),
        more=[heights, sorted(others.items())],
    )
