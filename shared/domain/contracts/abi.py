"""Check ABIs from outside, limit their size, and normalise them before any library reads them.

These are refused: types that no compiler produces, arrays of empty elements (a lying answer could make them endless),
tuples nested deeper than MAX_DEPTH, entries whose written-out types are longer than MAX_TYPES (decoding each log of
such an event would delay everybody's), and two entries with one signature.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from shared.domain.errors import Refusal

MAX_BYTES: Final = 1024 * 1024  # of an ABI as JSON text
MAX_ENTRIES: Final = 2_000
MAX_DEPTH: Final = 8  # tuples within tuples, and array dimensions
MAX_PARAMETERS: Final = 256  # of one entry or tuple
MAX_TYPES: Final = 16 * 1024  # characters of an entry's types, written out
Entry = dict[str, Any]
Kind = Literal["function", "event", "error", "constructor"]
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,255}")
_BITS: Final = "|".join(str(bits) for bits in range(8, 257, 8))
_BYTES: Final = "|".join(str(size) for size in range(1, 33))
_TYPE: Final = re.compile(
    rf"(?P<base>u?int(?:{_BITS})|address|bool|string|function|bytes(?:{_BYTES})?|tuple)"
    r"(?P<dimensions>(?:\[(?:[1-9][0-9]{0,8})?\])*)"
)
_MUTABILITY: Final = ("pure", "view", "nonpayable", "payable")
_KEPT: Final = ("function", "event", "error", "constructor", "receive", "fallback")


class InvalidAbi(Refusal):
    """`details` says which entry is invalid and why."""

    code, status, message = "INVALID_ABI", 422, "The ABI cannot be used."

    def __init__(self, problem: str, place: str = "abi") -> None:
        super().__init__(None, details=[{"field": place, "message": problem}])


class UnknownMethod(Refusal):
    """`data.known` lists signatures of the ABI, at most a hundred."""

    code, status, message = "UNKNOWN_METHOD", 422, "The contract's ABI has no such function."


class AmbiguousMethod(Refusal):
    """`data.signatures` lists the functions that the name may mean."""

    code, status = "AMBIGUOUS_METHOD", 422
    message = "Several functions have this name: give the full signature of one."


def checked(entries: Sequence[Any]) -> list[Entry]:
    """The ABI reduced to the parts that are used. Raises InvalidAbi."""
    if len(entries) > MAX_ENTRIES:
        raise InvalidAbi(f"has more than {MAX_ENTRIES} entries")
    made: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(entries):
        place = f"abi.{number}"
        if not isinstance(entry, Mapping):
            raise InvalidAbi("is not an object", place)
        one = _entry(entry, place)
        if len(signature(one)) + sum(len(type_of(output)) for output in one.get("outputs", ())) > MAX_TYPES:
            raise InvalidAbi(f"has types of more than {MAX_TYPES} characters", place)
        key = (one["type"], signature(one))
        if key in seen:
            raise InvalidAbi("is there twice", place)
        seen.add(key)
        made.append(one)
    if len(text(made)) > MAX_BYTES:
        raise InvalidAbi("is larger than 1 MiB")
    return made


def text(entries: Sequence[Entry]) -> str:
    """The stored form of an ABI, as JSON text."""
    return json.dumps(entries, separators=(",", ":"))


def _entry(entry: Mapping[str, Any], place: str) -> Entry:
    kind = entry.get("type", "function")
    if kind not in _KEPT:
        raise InvalidAbi("has an unknown type", place)
    made: Entry = {"type": kind}
    if kind in ("function", "event", "error"):
        made["name"] = _name(entry.get("name"), place)
    if kind in ("function", "constructor", "receive", "fallback"):
        made["stateMutability"] = _mutability(entry, place)
    if kind not in ("receive", "fallback"):
        made["inputs"] = _parameters(entry.get("inputs", []), f"{place}.inputs", 0, indexed=kind == "event")
    if kind == "function":
        made["outputs"] = _parameters(entry.get("outputs") or [], f"{place}.outputs", 0)
    if kind == "event":
        made["anonymous"] = entry.get("anonymous") is True
        if sum(one["indexed"] for one in made["inputs"]) > (4 if made["anonymous"] else 3):
            raise InvalidAbi("has too many indexed arguments", place)
    return made


def _mutability(entry: Mapping[str, Any], place: str) -> str:
    said = entry.get("stateMutability")
    if said is None:  # ABIs from before Solidity 0.5
        said = (
            "view" if entry.get("constant") is True else "payable" if entry.get("payable") else "nonpayable"
        )
    if said not in _MUTABILITY:
        raise InvalidAbi("has an unknown stateMutability", place)
    return str(said)


def _name(name: Any, place: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidAbi("has no usable name", place)
    return name


def _parameters(given: Any, place: str, depth: int, *, indexed: bool = False) -> list[Entry]:
    if not isinstance(given, list | tuple) or len(given) > MAX_PARAMETERS:
        raise InvalidAbi(f"is not a list of at most {MAX_PARAMETERS}", place)
    if depth > MAX_DEPTH:
        raise InvalidAbi(f"is nested more than {MAX_DEPTH} deep", place)
    return [_parameter(one, f"{place}.{number}", depth, indexed) for number, one in enumerate(given)]


def _parameter(given: Any, place: str, depth: int, indexed: bool) -> Entry:
    if not isinstance(given, Mapping):
        raise InvalidAbi("is not an object", place)
    kind, name = given.get("type"), given.get("name") or ""
    found = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise InvalidAbi("has a type that is not supported", place)
    if found["dimensions"].count("[") > MAX_DEPTH:
        raise InvalidAbi(f"has more than {MAX_DEPTH} dimensions", place)
    made: Entry = {"name": _name(name, place) if name else "", "type": kind}
    if found["base"] == "tuple":
        made["components"] = _parameters(given.get("components"), f"{place}.components", depth + 1)
        if not made["components"]:
            raise InvalidAbi("is a tuple of nothing", place)
    if indexed:
        made["indexed"] = given.get("indexed") is True
    return made


def type_of(parameter: Mapping[str, Any]) -> str:
    """The canonical type; tuples are written out."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(type_of, parameter['components']))}){kind.removeprefix('tuple')}"


def signature(entry: Mapping[str, Any]) -> str:
    """`transfer(address,uint256)`; only the kind if the entry has no name."""
    return f"{entry.get('name', entry['type'])}({','.join(map(type_of, entry.get('inputs', ())))})"


def of_kind(entries: Iterable[Entry], kind: Kind) -> list[Entry]:
    return [entry for entry in entries if entry["type"] == kind]


def method(entries: Iterable[Entry], wanted: str) -> Entry:
    """The function with this name or full signature. Raises UnknownMethod, AmbiguousMethod."""
    functions = of_kind(entries, "function")
    plain = wanted.replace(" ", "")
    found = [one for one in functions if plain in (signature(one), one["name"])]
    if len(found) > 1:
        raise AmbiguousMethod(signatures=sorted(signature(one) for one in found))
    if not found:
        raise UnknownMethod(known=sorted(signature(one) for one in functions)[:100])
    return found[0]


def constructor(entries: Iterable[Entry]) -> Entry:
    """The constructor, or one without arguments if the ABI has none."""
    plain: Entry = {"type": "constructor", "stateMutability": "nonpayable", "inputs": []}
    return next(iter(of_kind(entries, "constructor")), plain)


def changes_state(entry: Mapping[str, Any]) -> bool:
    return entry.get("stateMutability") not in ("pure", "view")


def payable(entry: Mapping[str, Any]) -> bool:
    return entry.get("stateMutability") == "payable"
