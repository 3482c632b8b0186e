"""Convert between messages and the JSON of operations, whose fields have the same names and values.

An unset field of a request is absent in JSON; a field that is absent or null in an answer stays unset. Free-form
values are google.protobuf's, whose numbers are doubles. A number that a double cannot hold exactly is refused in a
request, and becomes a text in an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from schemas.contract.protobuf import LIST_FIELD, NULLS, Interface
from shared.runtime.errors import ValidationFailed

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

_EXACT: Final = 2**53
_FREE: Final = frozenset(f"google.protobuf.{name}" for name in ("Value", "Struct", "ListValue"))


class Transcoder:
    """Converts the messages of one interface from and to JSON."""

    def __init__(self, interface: Interface) -> None:
        self._lists = interface.lists
        self._unions = {name: made for name, made in interface.messages.items() if made.union}
        self._required = {name: made.required for name, made in interface.messages.items()}

    def data(self, message: Message) -> dict[str, Any]:
        """The content of a message as an operation's input. Raises ValidationFailed for an unknown field, a number
        that a double cannot hold exactly, and an invalid null field."""
        _known(message)
        found = self._data(message, "")
        nulls = found.pop(NULLS, [])
        for name in nulls:
            if name not in message.DESCRIPTOR.fields_by_name or name in found:
                raise ValidationFailed(details=[{"field": NULLS, "message": f"{name} cannot be null here"}])
        return found | dict.fromkeys(nulls)

    def _data(self, message: Message, path: str) -> dict[str, Any]:
        required = self._required.get(message.DESCRIPTOR.name, frozenset())
        found: dict[str, Any] = {}
        for field in message.DESCRIPTOR.fields:
            value = getattr(message, field.name)
            place = f"{path}{field.name}"
            if _map(field):
                found[field.name] = dict(value)
            elif field.is_repeated:
                if value or field.name in required:
                    parts = enumerate(value)
                    found[field.name] = [
                        self._value(field, one, f"{place}.{number}") for number, one in parts
                    ]
            elif message.HasField(field.name):
                found[field.name] = self._value(field, value, place)
        return found

    def _value(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        kind = field.message_type
        if kind is None:
            return value
        if kind.full_name in _FREE:
            return _plain(value, path)
        if kind.name in self._lists:
            inner = kind.fields_by_name[LIST_FIELD]
            return [
                self._value(inner, one, f"{path}.{place}")
                for place, one in enumerate(getattr(value, LIST_FIELD))
            ]
        return self._data(value, f"{path}.")

    def fill(self, message: Message, data: Mapping[str, Any]) -> None:
        """Write an answer into a message. Raises KeyError if the answer does not match the message."""
        union = self._unions.get(message.DESCRIPTOR.name)
        if union is not None:
            one = next(
                part for part in union.fields if self._required.get(part.type, frozenset()) <= data.keys()
            )
            self.fill(getattr(message, one.name), data)
            return
        message.SetInParent()
        fields = message.DESCRIPTOR.fields_by_name
        for name, value in data.items():
            if value is not None or fields[name].message_type is not None:
                self._put(message, fields[name], value)

    def _put(self, message: Message, field: FieldDescriptor, value: Any) -> None:
        kind = field.message_type
        if kind is not None and value is None and kind.name != "Value":
            return
        if _map(field):
            getattr(message, field.name).update(value)
        elif kind is None:
            if field.is_repeated:
                getattr(message, field.name).extend(value)
            else:
                setattr(message, field.name, value)
        elif field.is_repeated:
            for one in value:
                self._message(getattr(message, field.name).add(), one)
        else:
            self._message(getattr(message, field.name), value)

    def _message(self, message: Message, value: Any) -> None:
        kind = message.DESCRIPTOR
        if kind.full_name in _FREE:
            _set_free(message, value)
        elif kind.name in self._lists:
            message.SetInParent()
            inner = kind.fields_by_name[LIST_FIELD]
            self._put(message, inner, value)
        else:
            self.fill(message, value)


def _map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _known(message: Message, path: str = "") -> None:
    """Raises ValidationFailed naming the fields that no message of this version has."""
    unknown = sorted(_unknown(message, path))
    if unknown:
        raise ValidationFailed(details=[{"field": name, "message": "unknown field"} for name in unknown[:20]])


def _unknown(message: Message, path: str) -> Iterator[str]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    yield from (f"{path}{field.field_number}" for field in UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is None or _map(field):
            continue
        for one in value if field.is_repeated else [value]:
            yield from _unknown(one, f"{path}{field.name}.")


def _plain(value: Any, path: str) -> Any:
    """A free-form value as JSON. Whole numbers become integers, as in JSON."""
    name = value.DESCRIPTOR.name
    if name == "Struct":
        return {key: _plain(one, f"{path}.{key}") for key, one in value.fields.items()}
    if name == "ListValue":
        return [_plain(one, f"{path}.{place}") for place, one in enumerate(value.values)]
    kind = value.WhichOneof("kind")
    if kind in ("struct_value", "list_value"):
        return _plain(getattr(value, kind), path)
    if kind in (None, "null_value"):
        return None
    found = getattr(value, kind)
    if kind == "number_value":
        if not -_EXACT < found < _EXACT:  # also false for NaN
            raise ValidationFailed(
                details=[{"field": path, "message": "a number from 2^53 on must be a text"}]
            )
        return int(found) if found.is_integer() else found
    return found


def _set_free(message: Any, value: Any) -> None:
    name = message.DESCRIPTOR.name
    if name == "Struct":
        message.SetInParent()
        for key, one in value.items():
            _set_free(message.fields[key], one)
    elif name == "ListValue":
        message.SetInParent()
        for one in value:
            _set_free(message.values.add(), one)
    elif value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        if -_EXACT < value < _EXACT:
            message.number_value = value
        else:
            message.string_value = str(value)
    elif isinstance(value, str):
        message.string_value = value
    else:
        _set_free(message.struct_value if isinstance(value, Mapping) else message.list_value, value)
