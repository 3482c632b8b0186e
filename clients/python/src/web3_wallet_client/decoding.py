"""Decode JSON into the frozen dataclasses of `models`, and encode arguments as JSON. Unknown fields are ignored,
because servers may add some."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class Unset:
    """The type of `UNSET`, the value of an argument that is not given. An allowed None is sent as null."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET = Unset()


def json_name(name: str) -> str:
    """The field's name in JSON: `from_` is `from`."""
    return name.removesuffix("_")


def decoded(kind: Any, data: Any) -> Any:
    """The value in its declared type. Raises ValueError for data that lacks a field."""
    return _value(kind, data)


def encoded(value: Any) -> Any:
    """The value as JSON data, without fields that are not given."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone: use datetime.now(UTC), for example")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        return {json_name(one.name): encoded(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: encoded(one) for name, one in value.items() if one is not UNSET}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [encoded(one) for one in value]
    return value


@dataclass(frozen=True, slots=True)
class _Shape:
    hints: dict[str, Any]
    required: frozenset[str]


@cache
def _shape(kind: Any) -> _Shape:
    optional = {f.name for f in fields(kind) if f.default is not MISSING or f.default_factory is not MISSING}
    hints = get_type_hints(kind)
    return _Shape(hints, frozenset(json_name(name) for name in hints if name not in optional))


def _value(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if data is None or kind is Any or origin is Literal:
        return data
    if origin in (Union, types.UnionType):
        return _either(get_args(kind), data)
    if origin in (list, dict):
        return _several(kind, data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if is_dataclass(kind) and isinstance(kind, type):
        return _object(kind, data)
    return data


def _several(kind: Any, data: Any) -> Any:
    of = get_args(kind)[-1]
    if isinstance(data, Mapping):
        return {name: _value(of, one) for name, one in data.items()}
    return [_value(of, one) for one in data]


def _object(kind: type[Any], data: Any) -> Any:
    shape: _Shape = _shape(kind)  # type: ignore[arg-type]
    if not isinstance(data, Mapping) or not shape.required <= data.keys():
        raise ValueError(f"this is no {kind.__name__}")
    found = {
        name: _value(hint, data[json_name(name)])
        for name, hint in shape.hints.items()
        if json_name(name) in data
    }
    return kind(**found)


def _either(kinds: tuple[Any, ...], data: Any) -> Any:
    """The value as one of several types. Among dataclasses, the one with the most required fields that are all
    present."""
    if isinstance(data, Mapping):
        shaped = [kind for kind in kinds if is_dataclass(kind) and isinstance(kind, type)]
        fitting = [kind for kind in shaped if _shape(kind).required <= data.keys()]
        if fitting:
            return _object(max(fitting, key=lambda kind: len(_shape(kind).required)), data)
        if shaped and not any(get_origin(kind) is dict or kind is Any for kind in kinds):
            raise ValueError(f"this is none of {', '.join(kind.__name__ for kind in shaped)}")
    for kind in kinds:
        if get_origin(kind) is list and isinstance(data, list):
            return _value(kind, data)
        if kind is datetime and isinstance(data, str):
            return _value(kind, data)
    return data
