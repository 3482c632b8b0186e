"""Derive the gRPC interface from the OpenAPI document: messages, services, and field numbers that never change.

Every operation whose answer is a resource (or nothing, or a stream of events) becomes a method in its group's
service. Its request is one message, as path, query and body are one object over HTTP. `proto_files` writes the
interface for clients; `descriptors` creates the server's descriptors. Scalars have explicit presence, so unset fields
are not sent. A list that may be absent is a separate message, because an empty list differs from an absent one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.contract.field_numbers import Numbers

PACKAGE: Final = "wallet.v1"
EMPTY, VALUE, STRUCT, VALUES = (f"google.protobuf.{n}" for n in ("Empty", "Value", "Struct", "ListValue"))
NULLS: Final = "null_fields"  # in requests that change a resource: the fields to set to null
LIST_FIELD: Final = "values"
STREAMED: Final = "StreamedEvent"
_SCALARS: Final = {"string": "string", "integer": "int64", "number": "double", "boolean": "bool"}
_MAP: Final = "map<string, string>"
_SERVICES: Final = {"deadletters": "DeadLetters"}


@dataclass(frozen=True, slots=True)
class Field:
    """`label` is optional, repeated, or empty (maps, members of a oneof)."""

    name: str
    type: str
    label: str
    number: int

    @property
    def is_map(self) -> bool:
        return self.type == _MAP


@dataclass(frozen=True, slots=True)
class Message:
    """`union`: exactly one of its fields is set; over HTTP that field is the answer itself."""

    name: str
    text: str
    fields: tuple[Field, ...]
    reserved: tuple[int, ...] = ()
    union: bool = False
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Method:
    """A method; `operation` is its name in the catalog."""

    name: str
    operation: str
    text: str
    request: str
    answer: str
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """`resources`: messages that several services share; `requests` by group; `services`: methods by group."""

    resources: Mapping[str, Message]
    requests: Mapping[str, Mapping[str, Message]]
    services: Mapping[str, tuple[Method, ...]]
    lists: frozenset[str]  # messages that represent a list that may be absent

    @property
    def messages(self) -> dict[str, Message]:
        return dict(self.resources) | {n: m for found in self.requests.values() for n, m in found.items()}


def service_name(group: str) -> str:
    """The service's name for a group of operations, without the package."""
    return f"{_SERVICES.get(group, group.title())}Service"


def interface(document: Mapping[str, Any], numbers: Numbers) -> Interface:
    """The interface of an OpenAPI document. New fields get numbers in `numbers`."""
    return _Builder(document, numbers).built()


class _Builder:
    def __init__(self, document: Mapping[str, Any], numbers: Numbers) -> None:
        self._paths = document["paths"]
        self._schemas = document["components"]["schemas"]
        self._numbers = numbers
        self._made: dict[str, Message] = {}
        self._lists: set[str] = set()

    def built(self) -> Interface:
        requests: dict[str, dict[str, Message]] = {}
        services: dict[str, list[Method]] = {}
        for _path, verb, entry in self._operations():
            answer, streams = self._answer(entry)
            if answer is None:
                continue
            group, name = entry["tags"][0], _camel(entry["operationId"])
            request = self._request(name, verb, entry)
            if request is not None:
                requests.setdefault(group, {})[request.name] = request
            services.setdefault(group, []).append(
                Method(
                    name,
                    entry["operationId"],
                    entry["summary"],
                    request.name if request else EMPTY,
                    answer,
                    streams,
                )
            )
        taken = [name for found in requests.values() for name in found if name in self._made]
        if taken:
            raise ValueError(f"a model has the name of a request: {', '.join(taken)}")
        return Interface(
            dict(sorted(self._made.items())),
            requests,
            {g: tuple(sorted(m, key=lambda one: one.name)) for g, m in sorted(services.items())},
            frozenset(self._lists),
        )

    def _operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """The operations in a fixed order, independent of the document's order."""
        for path, verbs in sorted(self._paths.items()):
            for verb, entry in sorted(verbs.items()):
                yield path, verb, entry

    def _answer(self, entry: Mapping[str, Any]) -> tuple[str | None, bool]:
        """The message of a success (None: no message can represent it), and whether the answer is a stream."""
        content: dict[str, Any] = {}
        for status, answer in entry["responses"].items():
            if status.startswith("2"):
                content |= answer.get("content", {})
        if "text/event-stream" in content:
            return self._streamed(), True
        if not content:
            return (EMPTY if "204" in entry["responses"] else None), False
        schema = content.get("application/json", {}).get("schema", {})
        return (self._named(schema["$ref"]) if "$ref" in schema else None), False

    def _streamed(self) -> str:
        """The message of an event with the cursor after it; over HTTP the cursor is the event's `id`."""
        properties = {
            "cursor": {"type": "string"},
            "event": {"$ref": "#/components/schemas/CloudEvent"},
        }
        if STREAMED not in self._made:
            self._made[STREAMED] = self._message(
                STREAMED,
                {"properties": properties, "description": "An event, and the cursor to continue after it."},
            )
        return STREAMED

    def _request(self, name: str, verb: str, entry: Mapping[str, Any]) -> Message | None:
        properties: dict[str, Any] = {}
        required: list[str] = []
        for parameter in entry.get("parameters", ()):
            if parameter["in"] in ("path", "query"):
                properties[parameter["name"]] = parameter["schema"]
                required += [parameter["name"]] if parameter.get("required") else []
        body = entry.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        whole = self._resolved(body)
        properties |= whole.get("properties", {})
        required += whole.get("required", [])
        if not properties:
            return None
        if verb == "put" and any(_nullable(schema) for schema in properties.values()):
            properties = {**properties, NULLS: {"type": "array", "items": {"type": "string"}}}
            required.append(NULLS)
        text = f"The request of {name}."
        return self._message(
            f"{name}Request", {"properties": properties, "required": required, "description": text}
        )

    def _named(self, ref: str) -> str:
        """The message of a model, created when it is first requested."""
        name = ref.rsplit("/", 1)[1]
        if name not in self._made:
            self._made[name] = Message(name, "", ())  # for recursive models
            self._made[name] = self._message(name, self._schemas[name])
        return name

    def _message(self, name: str, schema: Mapping[str, Any]) -> Message:
        text = schema.get("description", "")
        union = _alternatives(schema)
        required = frozenset(schema.get("required", ()))
        if union:
            typed = {_snake(one["$ref"].rsplit("/", 1)[1]): (self._named(one["$ref"]), "") for one in union}
        else:
            typed = {
                field: self._type(part, field in required)
                for field, part in schema.get("properties", {}).items()
            }
        numbers = self._numbers.of(name, {f: f"{label} {kind}".strip() for f, (kind, label) in typed.items()})
        made = (Field(f, kind, label, numbers[f]) for f, (kind, label) in typed.items())
        fields = tuple(sorted(made, key=lambda one: one.number))
        reserved = self._numbers.reserved(name)
        return Message(name, text, fields, reserved, bool(union), required)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _type(self, schema: Mapping[str, Any], required: bool) -> tuple[str, str]:
        """(type, label) of a field."""
        nullable = _nullable(schema)
        one = _without_null(schema)
        if one is None:
            return VALUE, "optional"
        whole = self._resolved(one)
        kind = whole.get("type") or ("string" if "enum" in whole else None)
        if kind == "object":
            return self._object(one, whole, required and not nullable)
        if kind == "array":
            return self._array(whole, required and not nullable)
        return (_SCALARS[kind] if isinstance(kind, str) and kind in _SCALARS else VALUE), "optional"

    def _object(self, schema: Mapping[str, Any], whole: Mapping[str, Any], always: bool) -> tuple[str, str]:
        if "$ref" in schema and "properties" in whole:
            return self._named(schema["$ref"]), "optional"
        more = whole.get("additionalProperties")
        texts = isinstance(more, dict) and more.get("type") == "string"
        return (_MAP, "") if texts and always else (STRUCT, "optional")

    def _array(self, whole: Mapping[str, Any], always: bool) -> tuple[str, str]:
        kind, label = self._type(whole.get("items", {}), True)
        if label != "optional" or kind in (VALUE, STRUCT):
            return VALUES, "optional"
        if always:
            return kind, "repeated"
        name = f"{kind.title() if kind in _SCALARS.values() else kind}List"
        self._lists.add(name)
        if name not in self._made:
            numbers = self._numbers.of(name, {LIST_FIELD: f"repeated {kind}"})
            field = Field(LIST_FIELD, kind, "repeated", numbers[LIST_FIELD])
            self._made[name] = Message(name, "A list that may be absent.", (field,))
        return name, "optional"


def _nullable(schema: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "null" for part in schema.get("anyOf", ()))


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema itself, or its only alternative that is not null; None if there are several."""
    parts = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    if not schema.get("anyOf"):
        return schema
    return parts[0] if len(parts) == 1 else None


def _alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternative models of a named union model."""
    parts = list(schema.get("anyOf", ()))
    return parts if parts and all("$ref" in part for part in parts) else []


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def load(document: str, numbers: str) -> Interface:
    """The interface of the committed files. Raises ValueError if the numbers are older than the document."""
    known = Numbers.parse(numbers)
    found = interface(json.loads(document), known)
    if known.text() != numbers:
        raise ValueError("schemas/proto/numbers.json is older than schemas/openapi.json: make generate")
    return found
