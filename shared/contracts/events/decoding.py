"""Events by their ABI: match a log to an event, decode its arguments, and encode an indexed argument as a topic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from eth_hash.auto import keccak

from shared.contracts import values
from shared.domain.contracts import abi as rules
from shared.domain.contracts import answers
from shared.domain.contracts.abi import Entry
from shared.domain.contracts.events import ContractEvent, Decoded
from shared.domain.errors import InvalidValue, Refusal

_HASHED: Final = ("string", "bytes")  # stored as a hash when indexed, like arrays and tuples


class UnknownEvent(Refusal):
    """`data.known` lists at most a hundred signatures of the ABI."""

    code, status, message = "UNKNOWN_EVENT", 422, "The contract's ABI has no such event."


class AmbiguousEvent(Refusal):
    """`data.signatures` lists the events that the name may mean."""

    code, status = "AMBIGUOUS_EVENT", 422
    message = "Several events have this name: give the full signature of one."


class NotIndexed(Refusal):
    """`data.indexed` lists the event's arguments that can be filtered."""

    code, status = "NOT_INDEXED", 422
    message = "This argument of the event is not indexed by the chain."


@lru_cache(maxsize=4096)
def topic_of(signature: str) -> str:
    return "0x" + keccak(signature.encode()).hex()


def event(entries: Sequence[Entry], wanted: str) -> Entry:
    """The event with this name or full signature. Raises UnknownEvent, AmbiguousEvent."""
    events = rules.of_kind(entries, "event")
    plain = wanted.replace(" ", "")
    found = [one for one in events if plain in (rules.signature(one), one["name"])]
    if len(found) > 1:
        raise AmbiguousEvent(signatures=sorted(rules.signature(one) for one in found))
    if not found:
        raise UnknownEvent(known=sorted(rules.signature(one) for one in events)[:100])
    return found[0]


def topic_place(entry: Entry, name: str) -> tuple[int, Entry]:
    """(topic position, starting at 1; the parameter) of an indexed argument. Raises NotIndexed."""
    indexed = [one for one in entry["inputs"] if one["indexed"]]
    for place, one in enumerate(indexed, start=0 if entry["anonymous"] else 1):
        if one["name"] == name and place:
            return place, one
    raise NotIndexed(indexed=[one["name"] for one in indexed if one["name"]])


def topic_value(parameter: Entry, text: str) -> str:
    """An argument as a topic. Raises InvalidValue naming it."""
    from eth_abi.abi import encode

    kind, name = rules.type_of(parameter), str(parameter["name"])
    given: Any = {"true": True, "false": False}.get(text, text) if kind == "bool" else text
    if kind == "string":
        return "0x" + keccak(text.encode()).hex()
    if kind.endswith("]") or kind.startswith("("):
        raise InvalidValue(name, "is a list or tuple, of which the chain keeps a hash only")
    (value,) = values.arguments([parameter], [given], name)
    return "0x" + (keccak(value) if kind == "bytes" else encode([kind], [value])).hex()


class Events:
    """The events of an ABI by topic. Create it once for many logs, because an ABI may be large."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        named = [one for one in rules.of_kind(entries, "event") if not one["anonymous"]]
        signed = [(rules.signature(one), one) for one in named]
        self._by_topic = {topic_of(signature): (signature, one) for signature, one in signed}

    def decoded(self, log: ContractEvent) -> Decoded | None:
        """The decoded log; None if it matches no event of the ABI, or its data were cut."""
        if not log.complete or log.topic0 is None:
            return None
        found = self._by_topic.get(log.topic0)
        if found is None:
            return None
        signature, entry = found
        arguments = _arguments(entry, log)
        return None if arguments is None else Decoded(str(entry["name"]), signature, arguments)


def _arguments(entry: Entry, log: ContractEvent) -> Any:
    """The log's arguments; None if its topics or data do not fit the ABI."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    inputs, topics = entry["inputs"], log.topics[1:]
    plain = [one for one in inputs if not one["indexed"]]
    if len(inputs) - len(plain) != len(topics):
        return None
    data = bytes.fromhex(log.data[2:])
    try:
        answers.require_bounded(plain, data)
        rest = iter(decode([rules.type_of(one) for one in plain], data))
        given = iter(topics)
        shown = [
            _topic(one, next(given)) if one["indexed"] else values.plain(one, next(rest)) for one in inputs
        ]
    except (Refusal, DecodingError, OverflowError, UnicodeDecodeError, ValueError):
        return None
    names = [one["name"] for one in inputs]
    if not all(names) or len(set(names)) < len(names):
        return shown
    return dict(zip(names, shown, strict=True))


def _topic(parameter: Entry, topic: str) -> Any:
    from eth_abi.abi import decode

    kind = rules.type_of(parameter)
    if kind in _HASHED or kind.endswith("]") or kind.startswith("("):
        return topic
    (value,) = decode([kind], bytes.fromhex(topic[2:]))
    return values.plain(parameter, value)
