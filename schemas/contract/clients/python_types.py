"""Convert JSON schemas to Python types: the types of decoded answers and of arguments."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.contract.clients.operations import SCHEMAS, ClientOperation

Schema = Mapping[str, Any]
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def python_name(name: str) -> str:
    """A field's Python name: `from` becomes `from_`. Raises ValueError for a name that already ends with an
    underscore."""
    if name.endswith("_"):
        raise ValueError(f"the field {name} ends with an underscore")
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def answer_type(schema: Schema, prefix: str = "") -> str:
    """The type of an answer's value. `prefix` is the prefix of the module that contains the models."""
    return _type(schema, prefix, argument=False)


def argument_type(schema: Schema, inputs: Mapping[str, str], prefix: str = "") -> str:
    """The type of an argument: objects are plain dicts of a TypedDict (`inputs`: its name by schema)."""
    return _type(schema, prefix, argument=True, inputs=inputs)


def _type(schema: Schema, prefix: str, *, argument: bool, inputs: Mapping[str, str] | None = None) -> str:
    def inner(one: Schema) -> str:
        return _type(one, prefix, argument=argument, inputs=inputs)

    if "$ref" in schema:
        name = schema["$ref"].removeprefix(SCHEMAS)
        return f"{prefix}{(inputs or {}).get(name, name)}"
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return f"Literal[{', '.join(repr(one) for one in values)}]"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(inner(one) for one in several))
    if schema.get("type") == "array":
        return f"{'Sequence' if argument else 'list'}[{inner(schema.get('items', {}))}]"
    if schema.get("type") == "object":
        value = schema.get("additionalProperties")
        of = inner(value) if isinstance(value, Mapping) and value else "Any"
        return f"{'Mapping' if argument else 'dict'}[str, {of}]"
    return _scalar(schema, argument=argument)


def _scalar(schema: Schema, *, argument: bool) -> str:
    if schema.get("format") == "date-time":
        return "datetime | str" if argument else "datetime"
    return SCALARS[schema["type"]] if "type" in schema else "Any"


def referenced(schema: Any) -> Iterator[str]:
    """The models that a schema refers to, at any depth of its own text."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str) and schema["$ref"].startswith(SCHEMAS):
            yield schema["$ref"].removeprefix(SCHEMAS)
        for value in schema.values():
            yield from referenced(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from referenced(value)


def reached(names: Iterator[str], schemas: Mapping[str, Schema]) -> list[str]:
    """These models and all models that they refer to, directly or not, sorted by name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(referenced(schemas[name]))
    return sorted(found)


def answered(operations: list[ClientOperation], schemas: Mapping[str, Schema]) -> list[str]:
    """The models in answers."""
    return reached((name for one in operations for name in referenced(one.answer)), schemas)


def given(operations: list[ClientOperation], schemas: Mapping[str, Schema]) -> list[str]:
    """The models inside bodies and parameters; a body itself becomes arguments."""
    fields = [field.schema for one in operations for field in (*one.body, *one.query)]
    return reached((name for schema in fields for name in referenced(schema)), schemas)


def input_names(operations: list[ClientOperation], schemas: Mapping[str, Schema]) -> dict[str, str]:
    """The TypedDict's name for each model that callers send; a model that is also an answer gets a different name."""
    answers = set(answered(operations, schemas))
    return {name: f"{name}Input" if name in answers else name for name in given(operations, schemas)}
