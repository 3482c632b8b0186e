"""Every field error is a sentence: no regular expression, no names of Python's types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError

from schemas import problems
from shared.runtime import operation

JUNK: tuple[Any, ...] = (
    *(None, "", 5, -1, 1.5, True, "x" * 100_000, "\x00\n", "💥", "2030", 10**80, float("inf")),
    *([], [1], ["\x00"], [{}], ["a"] * 20_000, [["a"]], {}, {"a": 1}),
)
SAID = re.compile(
    r"(must|may|is|has|goes|give|belongs|a keystore|token needs|derivation_path needs) ?[^\\^]*"
)
LEAKS = re.compile(
    r"Input|instance|dictionary|pattern|\\x|(?<!10)\^|\$\]|valid (string|list)|SecretStr| items?\b"
)


def models() -> list[type[BaseModel]]:
    triggers = [t for entry in operation.catalog().values() for t in (*entry.https, *entry.messages)]
    found: set[type[BaseModel]] = {trigger.request for trigger in triggers if trigger.request}
    return sorted(found, key=lambda model: model.__name__)


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (schema[name] for name in ("pattern",) if isinstance(schema.get(name), str))
        for part in schema.values():
            yield from patterns(part)
    if isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


def said(model: type[BaseModel], fields: dict[str, Any]) -> list[dict[str, str]]:
    try:
        model.model_validate(fields)
    except ValidationError as error:
        return problems.details(error.errors(include_url=False, include_input=False))
    return []


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_problem_of_every_field_is_said_in_words(model: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    found = [one for name in names for junk in JUNK for one in said(model, {name: junk})]
    found += said(model, {"colour": 1})
    wrong = [one for one in found if LEAKS.search(one["message"]) or not SAID.match(one["message"])]
    assert wrong == []
    assert {one["field"].partition(".")[0] for one in found} <= {
        *names,
        *model.model_fields,
        "colour",
        "body",
    }


def test_every_pattern_has_words() -> None:
    used = {pattern for model in models() for pattern in patterns(model.model_json_schema())}
    amounts = {pattern for pattern in used if pattern.startswith(r"^(0\.")}  # schemas.base has their texts
    assert used - amounts <= problems.PATTERNS.keys()
    assert len(used) > 10


class Shape(BaseModel, extra="forbid"):
    secret: Annotated[SecretStr, Field(min_length=8, max_length=9)]
    names: Annotated[list[str], Field(min_length=1, max_length=2)]
    size: Annotated[int, Field(strict=True, ge=1, le=5)] = 1
    block: int | list[int] = 0


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"secret": "short", "names": ["a"]}, "secret", "must have at least 8 characters"),
        ({"secret": "x" * 10, "names": ["a"]}, "secret", "must have at most 9 characters"),
        ({"secret": "12345678", "names": []}, "names", "must have at least 1 entry"),
        ({"secret": "12345678", "names": ["a"] * 3}, "names", "must have at most 2 entries"),
        ({"secret": "12345678", "names": ["a"], "size": 9}, "size", "must be at most 5"),
        ({"secret": "12345678", "names": ["a"], "int": 9}, "int", "is not known here"),
        ({"secret": "12345678"}, "names", "is required"),
        (
            {"secret": "12345678", "names": ["a"], "block": "x"},
            "block",
            "must be an integer, or must be a list",
        ),
    ],
)
def test_a_problem_is_worded_for_the_caller(fields: dict[str, Any], field: str, message: str) -> None:
    assert said(Shape, fields) == [{"field": field, "message": message}]


def test_what_does_not_fit_into_an_answer_is_not_described_either() -> None:
    """One small body can have twenty thousand unknown fields."""
    errors = ({"type": "extra_forbidden", "loc": (str(number),), "msg": ""} for number in range(1000))
    assert [one["field"] for one in problems.details(errors)] == [
        str(number) for number in range(problems.MAX_PROBLEMS)
    ]
    assert next(errors)["loc"] == (str(problems.MAX_PROBLEMS + 1),)
