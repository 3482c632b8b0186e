"""Generate OpenAPI 3.1 from the operations' declarations: routes, schemas, permissions, headers, the closed list of
errors."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

import shared
from schemas.contract import examples, field_texts, responses, summaries, webhooks
from shared.domain.errors import Refusal
from shared.runtime.operation import PUBLIC, HttpTrigger, Operation

REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Amounts of supplies, orders and claims are decimal strings in the unit of the currency. Everything that a chain counts
(value, fees, token amounts, balances, limits) is a string of base units (such as wei). Times are RFC 3339 in UTC.
Resources of other users answer 404.

Writes take an `Idempotency-Key`: repeating a request with the same key returns the first result again; using the key
for a different request answers 422.

Errors have the form `{"error": {code, message, details, data, request_id, doc_url}}`. All values of `code` are
explained in [/docs/errors.html](/docs/errors.html)."""
_CREDENTIALS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` from `POST /api/v1/auth/login`. It is valid for 15 minutes.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The `api_key` from `POST /api/v1/auth/api-keys`; its scopes limit what it may do.",
    },
}
_VERSIONED = {"PUT", "DELETE"}


def document(catalog: Mapping[str, Operation]) -> dict[str, Any]:
    """The complete document for these operations."""
    triggers = [(entry, trigger) for entry in catalog.values() for trigger in entry.https]
    schemas = _schemas([trigger for _, trigger in triggers])
    paths: dict[str, dict[str, Any]] = {}
    for entry, trigger in triggers:
        paths.setdefault(trigger.path, {})[trigger.method.lower()] = _describe(entry, trigger, schemas)
    return examples.added(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Web3 Wallet Backend",
                "version": _version(),
                "summary": "Supplies, orders, claims and their settlement on chain; wallets, transactions and sign-in.",
                "description": _DESCRIPTION,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/", "description": "the host that serves this document"}],
            "tags": [{"name": name, "description": text} for name, text in _groups(catalog)],
            "paths": paths,
            "webhooks": webhooks.webhooks(REF),
            "components": {
                "schemas": schemas | webhooks.schemas(REF) | responses.error_schemas(refusals()),
                "headers": responses.HEADERS,
                "responses": responses.components(refusals()),
                "securitySchemes": _CREDENTIALS,
            },
        }
    )


def _version() -> str:
    """The product's version."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _groups(catalog: Mapping[str, Operation]) -> Iterator[tuple[str, str]]:
    """Each group of operations with HTTP routes and the docstring of its package; administration comes last."""
    names = {entry.group for entry in catalog.values() if entry.https}
    for name in sorted(names, key=lambda name: (name in ("admin", "audit"), name)):
        yield name, inspect.getdoc(importlib.import_module(f"functions.{name}")) or name


def _schemas(triggers: list[HttpTrigger]) -> dict[str, Any]:
    """JSON schemas of all models; a request's path parameters are not part of its body."""
    inputs = [(trigger.request, "validation") for trigger in triggers if trigger.request]
    outputs = [(trigger.answer, "serialization") for trigger in triggers if trigger.answer]
    outputs += [(model, "serialization") for model in webhooks.models()]
    _, definitions = models_json_schema([*inputs, *outputs], ref_template=REF)  # type: ignore[list-item]
    found = dict(definitions.get("$defs", {}))
    twice = sorted(name for name in found if "__" in name)  # pydantic distinguishes equal names with __
    if twice:
        raise ValueError(f"two models have one name: {', '.join(twice)}")
    field_texts.describe(found)
    return found


def _describe(entry: Operation, trigger: HttpTrigger, schemas: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": entry.name,
        "summary": summaries.plain(entry.summary),
        **({"description": entry.description} if entry.description else {}),
        "tags": [entry.group],
        "parameters": list(_parameters(trigger, schemas)),
        "responses": responses.of(trigger, entry.group, REF),
        "security": [] if trigger.permission == PUBLIC else [{"bearer": []}, {"apiKey": []}],
    }
    if trigger.permission != PUBLIC:
        found["x-permission"] = trigger.permission
    body = _body(trigger, schemas)
    if body is not None:
        found["requestBody"] = body
    return found


def _fields(trigger: HttpTrigger, schemas: Mapping[str, Any]) -> dict[str, Any]:
    return dict(schemas[trigger.request.__name__].get("properties", {})) if trigger.request else {}


def _path_names(trigger: HttpTrigger) -> list[str]:
    return list(trigger.pattern.groupindex)


def _parameters(trigger: HttpTrigger, schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    fields = _fields(trigger, schemas)
    names = _path_names(trigger)
    for name in names:
        yield {"name": name, "in": "path", "required": True, "schema": fields.get(name, {"type": "string"})}
    if trigger.method == "GET":
        required = schemas[trigger.request.__name__].get("required", []) if trigger.request else []
        for name, schema in fields.items():
            if name not in names:
                said = {"description": schema["description"]} if "description" in schema else {}
                yield {"name": name, "in": "query", "required": name in required, **said, "schema": schema}
    if trigger.idempotency != "none":
        key: dict[str, Any] = {"type": "string", "maxLength": 255}
        if trigger.idempotency == "required":  # if it is optional, an empty key counts as no key
            key["minLength"] = 1
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": trigger.idempotency == "required",
            "description": "A key of your choice, such as a new UUID for each request; send the same key to retry.",
            "schema": key,
        }
    if trigger.method == "GET" and names:
        yield _header_parameter(
            "Min-Version", "Answer with at least this version, so that you see your own write."
        )
    if trigger.media == "text/event-stream":
        yield _header_parameter(
            "Last-Event-ID", "The id of the last event you received; the stream continues after it."
        )
    if trigger.method in _VERSIONED or (trigger.method == "POST" and names):
        yield _header_parameter("If-Match", "Change only this version, as given by `ETag`; otherwise 412.")


def _header_parameter(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": text,
        "schema": {"type": "string"},
    }


def _body(trigger: HttpTrigger, schemas: Mapping[str, Any]) -> dict[str, Any] | None:
    names = _path_names(trigger)
    fields = {name: schema for name, schema in _fields(trigger, schemas).items() if name not in names}
    if trigger.method == "GET" or trigger.request is None or not fields:
        return None
    whole = schemas[trigger.request.__name__]
    required = [name for name in whole.get("required", []) if name in fields]
    schema = (
        {"$ref": REF.format(model=trigger.request.__name__)}
        if not names
        else {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
        | ({"description": whole["description"]} if "description" in whole else {})
    )
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def refusals() -> list[type[Refusal]]:
    """Every refusal that shared/ and functions/ define, independent of earlier imports, in a fixed order.

    The catalog imports the refusals of operations; this function imports every module of shared/.
    """
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    return sorted(_refusals(Refusal), key=lambda kind: (kind.code, kind.__module__, kind.__qualname__))


def _refusals(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    if kind.__module__.split(".")[0] in ("shared", "functions"):
        yield kind
    for child in kind.__subclasses__():
        yield from _refusals(child)
