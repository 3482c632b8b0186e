"""The OpenAPI document's promises in addition to routes: valid examples, events as webhooks, headers, one version."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from emulators.toolkit import ROOT
from schemas.contract import examples, field_texts, generated, webhooks
from schemas.event_payloads import model_of

DOCUMENT: dict[str, Any] = json.loads(generated.openapi())
REGISTRY: Registry[Any] = Registry().with_resource("urn:api", Resource(DOCUMENT, DRAFT202012))
OPERATIONS = [
    (f"{method.upper()} {path}", entry)
    for path, methods in DOCUMENT["paths"].items()
    for method, entry in methods.items()
]


def problems(schema: Any, value: Any) -> list[str]:
    absolute = json.loads(json.dumps(schema).replace('"#/components', '"urn:api#/components'))
    from jsonschema import (  # take two seconds, which every worker would pay
        Draft202012Validator,
        FormatChecker,
    )

    validator = Draft202012Validator(absolute, registry=REGISTRY, format_checker=FormatChecker())
    return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(value)]


def media(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (entry.get("requestBody", {}), *entry["responses"].values()):
        if "application/json" in holder.get("content", {}):
            yield holder["content"]["application/json"]


def shown(one: dict[str, Any]) -> Any:
    """The example, at any of its places."""
    if "example" in one:
        return one["example"]
    (reference,) = one["examples"].values()
    return DOCUMENT["components"]["examples"][reference["$ref"].rpartition("/")[2]]["value"]


EXAMPLES = [
    (where, one)
    for where, entry in [
        *OPERATIONS,
        *((kind, methods["post"]) for kind, methods in DOCUMENT["webhooks"].items()),
    ]
    for one in media(entry)
    if "schema" in one
]


def test_every_example_fits_its_schema() -> None:
    found = {where: wrong for where, one in EXAMPLES if (wrong := problems(one["schema"], shown(one)))}
    assert found == {}
    assert len(EXAMPLES) > 150


def test_an_example_that_does_not_fit_is_found() -> None:
    where, one = next((w, o) for w, o in EXAMPLES if w == "POST /api/v1/orders")
    assert where and problems(one["schema"], shown(one) | {"colour": "red"}) != []


def test_every_error_shows_one_of_its_codes() -> None:
    for response in DOCUMENT["components"]["responses"].values():
        body = response["content"]["application/json"]
        assert problems(body["schema"], body["example"]) == []
        assert body["example"]["error"]["code"] in response["x-codes"]


@pytest.mark.parametrize("kind", webhooks.types())
def test_every_event_is_a_webhook_with_typed_data(kind: str) -> None:
    schema = DOCUMENT["components"]["schemas"][webhooks.schema_name(kind)]
    example = shown(DOCUMENT["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"])
    assert example["type"] == kind and problems(schema, example) == []
    assert problems(schema, example | {"type": "order.polished"}) != []
    assert model_of(kind) is not None, (
        "schemas/event_payloads.py says what the data of each type of event holds"
    )


def test_a_summary_is_whole_sentences_without_markdown() -> None:
    sent = [(kind, methods["post"]) for kind, methods in DOCUMENT["webhooks"].items()]
    summaries = {where: entry["summary"] for where, entry in [*OPERATIONS, *sent]}
    assert {where: text for where, text in summaries.items() if "`" in text or text[-1] not in ".?"} == {}


def test_fields_that_are_described_by_their_names_exist() -> None:
    assert field_texts.unknown(DOCUMENT["components"]["schemas"]) == set()
    assert field_texts.unknown({"Order": {"properties": {"note": {}}}}) >= {"limit", "PlaceOrder.items"}


def test_the_version_is_the_products() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]


def test_headers_are_described_where_they_count() -> None:
    """Request headers make a call safe to repeat, conditional or fresh. Answer headers tell the client what to do."""
    for where, entry in OPERATIONS:
        method, _, path = where.partition(" ")
        asked = {one["name"] for one in entry["parameters"] if one["in"] == "header"}
        by_id = "{" in path and path.startswith("/api/")
        if method in ("PUT", "DELETE"):
            assert "If-Match" in asked, where
        if method == "GET" and by_id:
            assert "Min-Version" in asked, where
        for status, answer in entry["responses"].items():
            if status.startswith("2"):
                described = set(answer["headers"])
                assert {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"} <= described, where
                keyed = "Idempotency-Key" in asked and "content" in answer
                assert not keyed or {"ETag", "Idempotent-Replayed"} <= described, where
    assert "Last-Event-ID" in {
        one["name"] for one in DOCUMENT["paths"]["/api/v1/events/stream"]["get"]["parameters"]
    }
    for status in ("429", "503"):
        assert "Retry-After" in DOCUMENT["components"]["responses"][f"Error{status}"]["headers"]


@pytest.mark.parametrize(
    ("schema", "value", "fit"),
    [
        ({"type": "string", "pattern": "^[0-9]+$"}, "12", True),
        ({"type": "string", "pattern": "^[0-9]+$"}, "1x", False),
        ({"type": "string", "maxLength": 1}, "12", False),
        ({"type": "string", "format": "date-time"}, "text", False),
        ({"type": "integer", "minimum": 2}, 1, False),
        ({"type": "string"}, 1, False),
    ],
)
def test_a_scalar_is_chosen_by_its_schema(schema: dict[str, Any], value: object, fit: bool) -> None:
    assert examples.fits(schema, value) is fit
