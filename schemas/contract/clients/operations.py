"""The operations of the OpenAPI document for client libraries: named, grouped, and split into their parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON, EVENT_STREAM = "application/json", "text/event-stream"
SCHEMAS = "#/components/schemas/"
# Groups whose operations use other nouns.
NOUNS = {
    "auth": ("user",),
    "deadletters": ("dead_letters", "dead_letter"),
    "admin": (),
    "events": ("events",),
}
ATTRIBUTES = {"deadletters": "dead_letters"}
RESERVED = {"import", "delete_", "from", "class", "new"}  # reserved words of the languages
PREPOSITIONS = ("_to", "_for", "_of")


@dataclass(frozen=True)
class Field:
    """A part of a body, or a parameter."""

    name: str
    schema: Mapping[str, Any]
    required: bool
    text: str = ""


@dataclass(frozen=True)
class ClientOperation:
    """One operation. `answer` is None if there is never a body; `empty`: the body may also be missing."""

    id: str
    name: str
    group: str
    method: str
    path: str
    summary: str
    description: str
    path_fields: tuple[Field, ...]
    query: tuple[Field, ...]
    body: tuple[Field, ...]
    body_text: str
    has_body: bool
    headers: frozenset[str]
    answer: Mapping[str, Any] | None
    empty: bool
    streams: bool
    public: bool

    @property
    def attribute(self) -> str:
        """The client's attribute for the group."""
        return ATTRIBUTES.get(self.group, self.group)


def operations(document: Mapping[str, Any]) -> list[ClientOperation]:
    """All operations that programs call, by group and name; pages for people are left out."""
    found = [
        _operation(document, path, method, entry)
        for path, methods in document["paths"].items()
        for method, entry in methods.items()
        if _for_programs(entry) and not path.startswith("/console/")
    ]
    counted = Counter((one.group, one.name) for one in found)
    named = [
        _renamed(one, one.id) if counted[one.group, one.name] > 1 or one.name in RESERVED else one
        for one in found
    ]
    return sorted(named, key=lambda one: (one.group, one.name))


def groups(document: Mapping[str, Any]) -> dict[str, list[ClientOperation]]:
    """The operations by group."""
    found: dict[str, list[ClientOperation]] = {}
    for one in operations(document):
        found.setdefault(one.group, []).append(one)
    return found


def class_name(group: str) -> str:
    """`dead_letters` as DeadLetters."""
    return "".join(part.capitalize() for part in ATTRIBUTES.get(group, group).split("_"))


def page_item(document: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The schema of a page's items; None if the answer is not a page."""
    if answer is None or "$ref" not in answer:
        return None
    name = answer["$ref"].removeprefix(SCHEMAS)
    schema = document["components"]["schemas"][name]
    properties = schema.get("properties", {})
    if "next_cursor" not in properties:
        return None
    lists = [one for one in properties.values() if one.get("type") == "array"]
    listed: Mapping[str, Any] | None = properties.get("items", {}).get("items")
    return listed if len(lists) == 1 else None


def _for_programs(entry: Mapping[str, Any]) -> bool:
    media = [kind for status, one in _successes(entry) for kind in one.get("content", {})]
    empty = any(status == "204" for status, _ in _successes(entry))
    return empty or any(kind in (JSON, EVENT_STREAM) for kind in media)


def _successes(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((status, one) for status, one in entry["responses"].items() if status.startswith("2"))


def _operation(
    document: Mapping[str, Any], path: str, method: str, entry: Mapping[str, Any]
) -> ClientOperation:
    group, parameters = entry["tags"][0], entry["parameters"]
    answers = [one for _, one in _successes(entry) if JSON in one.get("content", {})]
    body = _schema(document, entry.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {}))
    return ClientOperation(
        id=entry["operationId"],
        name=short_name(entry["operationId"], group),
        group=group,
        method=method.upper(),
        path=path,
        summary=entry["summary"],
        description=entry.get("description", ""),
        path_fields=tuple(_fields(parameters, "path")),
        query=tuple(_fields(parameters, "query")),
        body=tuple(_body(body)),
        body_text=body.get("description", ""),
        has_body=bool(body),
        headers=frozenset(one["name"] for one in parameters if one["in"] == "header"),
        answer=answers[0]["content"][JSON]["schema"] if answers else None,
        empty=any(status == "204" for status, _ in _successes(entry)),
        streams=any(EVENT_STREAM in one.get("content", {}) for _, one in _successes(entry)),
        public=entry.get("security") == [],
    )


def short_name(operation: str, group: str) -> str:
    """The operation without the noun of its group: `list_orders` of orders becomes `list`."""
    nouns = NOUNS.get(
        group, (group, re.sub(r"ies$", "y", group) if group.endswith("ies") else group.rstrip("s"))
    )
    short = operation
    for noun in nouns:
        short = re.sub(rf"_{noun}(?=_|$)", "", short)
    for preposition in PREPOSITIONS:
        short = short.removesuffix(preposition)
    return short


def _renamed(one: ClientOperation, name: str) -> ClientOperation:
    return ClientOperation(
        **{**{field: getattr(one, field) for field in one.__dataclass_fields__}, "name": name}
    )


def _fields(parameters: list[Mapping[str, Any]], where: str) -> Iterator[Field]:
    for one in parameters:
        if one["in"] == where:
            text = one.get("description") or _text(one["schema"])
            yield Field(one["name"], one["schema"], bool(one.get("required")), text)


def _text(schema: Mapping[str, Any]) -> str:
    """What a field's description says; of a field that may be null, the description of the other kind."""
    kinds = [schema, *schema.get("anyOf", [])]
    return next((one["description"] for one in kinds if one.get("description")), "")


def _schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the model that it names."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]
    return schema


def _body(schema: Mapping[str, Any]) -> Iterator[Field]:
    """The body's fields, required fields first."""
    required = schema.get("required", [])
    properties = schema.get("properties", {}).items()
    fields = [Field(name, one, name in required, _text(one)) for name, one in properties]
    yield from sorted(fields, key=lambda field: not field.required)
