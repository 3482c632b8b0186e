"""Convert values between JSON and the ABI without loss: integers are decimal strings, bytes 0x hex, tuples lists or
objects.

A tuple in an answer is an object if all its components have distinct names, otherwise a list. A tuple in an argument
may be either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.contracts.abi import Entry
from shared.domain.errors import InvalidValue
from shared.keys.addresses import checksummed, parse_address

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,77})")
_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_ARRAY: Final = re.compile(r"(.*)\[(\d*)\]")
_FUNCTION_BYTES: Final = 24  # an address (20) and a selector (4)


def arguments(parameters: Sequence[Entry], given: Any, place: str = "arguments") -> list[Any]:
    """The values of a call's arguments. Raises InvalidValue naming the field."""
    return _tuple(parameters, given, place)


def _tuple(parameters: Sequence[Entry], given: Any, place: str) -> list[Any]:
    names = [one["name"] for one in parameters]
    if isinstance(given, Mapping):
        if not all(names) or len(set(names)) < len(names) or set(given) != set(names):
            raise InvalidValue(place, f"must have exactly the fields {', '.join(names)[:200]}")
        given = [given[name] for name in names]
    if not isinstance(given, list | tuple) or len(given) != len(parameters):
        raise InvalidValue(place, f"must be a list of {len(parameters)}")
    return [
        _value(parameter, value, f"{place}.{number}")
        for number, (parameter, value) in enumerate(zip(parameters, given, strict=True))
    ]


def _value(parameter: Entry, given: Any, place: str) -> Any:
    kind = str(parameter["type"])
    if array := _ARRAY.fullmatch(kind):
        if not isinstance(given, list | tuple) or (array[2] and len(given) != int(array[2])):
            raise InvalidValue(place, f"must be a list{f' of {array[2]}' if array[2] else ''}")
        item = {**parameter, "type": array[1]}
        return [_value(item, one, f"{place}.{number}") for number, one in enumerate(given)]
    if kind == "tuple":
        return tuple(_tuple(parameter["components"], given, place))
    if kind == "bool":
        if not isinstance(given, bool):
            raise InvalidValue(place, "must be true or false")
        return given
    if not isinstance(given, str):
        raise InvalidValue(place, "must be a string")
    return _scalar(kind, given, place)


def _scalar(kind: str, given: str, place: str) -> Any:
    if kind == "string":
        if not _encodable(given):
            raise InvalidValue(place, "must be a text that UTF-8 can hold")
        return given
    if kind == "address":
        return parse_address(given, place)
    if kind.startswith(("int", "uint")):
        return _integer(kind, given, place)
    if not _HEX.fullmatch(given):
        raise InvalidValue(place, "must be 0x and pairs of hexadecimal digits")
    value = bytes.fromhex(given[2:])
    size = _FUNCTION_BYTES if kind == "function" else int(kind.removeprefix("bytes") or 0)
    if size and len(value) != size:
        raise InvalidValue(place, f"must be {size} bytes")
    return value


def _integer(kind: str, given: str, place: str) -> int:
    if not _INTEGER.fullmatch(given) or given == "-0":
        raise InvalidValue(place, "must be an integer as a decimal string")
    bits, number = int(kind.lstrip("uint")), int(given)
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= number <= high:
        raise InvalidValue(place, f"is out of the range of {kind}")
    return number


def _encodable(given: str) -> bool:
    try:
        given.encode()
    except UnicodeEncodeError:  # an unpaired surrogate
        return False
    return True


def results(parameters: Sequence[Entry], values: Sequence[Any]) -> Any:
    """A function's answer as JSON: null, one value, or several values."""
    if not parameters:
        return None
    return plain(parameters[0], values[0]) if len(parameters) == 1 else together(parameters, values)


def together(parameters: Sequence[Entry], values: Sequence[Any]) -> Any:
    """Several values as one: an object if all have distinct names, otherwise a list."""
    shown = [plain(parameter, value) for parameter, value in zip(parameters, values, strict=True)]
    names = [one["name"] for one in parameters]
    if not all(names) or len(set(names)) < len(names):
        return shown
    return dict(zip(names, shown, strict=True))


def plain(parameter: Entry, value: Any) -> Any:
    kind = str(parameter["type"])
    if array := _ARRAY.fullmatch(kind):
        item = {**parameter, "type": array[1]}
        return [plain(item, one) for one in value]
    if kind == "tuple":
        return together(parameter["components"], value)
    if kind == "bool":
        return bool(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if kind == "address":
        return checksummed(bytes.fromhex(str(value)[2:]))
    return str(value)
