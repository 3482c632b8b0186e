"""OpenAPI 3.1 from the operations' declarations: routes, schemas, permissions, headers, the closed error list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

import shared
from shared.domain.errors import Refusal
from shared.runtime.operation import PUBLIC, HttpTrigger, Operation

_REF = "#/components/schemas/{model}"
_VERSIONED = {"PUT", "DELETE"}


def document(catalog: Mapping[str, Operation]) -> dict[str, Any]:
    """The whole document for these operations."""
    triggers = [(entry, trigger) for entry in catalog.values() for trigger in entry.https]
    schemas = _schemas([trigger for _, trigger in triggers])
    paths: dict[str, dict[str, Any]] = {}
    for entry, trigger in triggers:
        paths.setdefault(trigger.path, {})[trigger.method.lower()] = _describe(entry, trigger, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Web3 Wallet Backend",
            "version": "1.0.0",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Error": _error()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _schemas(triggers: list[HttpTrigger]) -> dict[str, Any]:
    """JSON schemas of all models; a request's path parameters are not part of its body."""
    inputs = [(trigger.request, "validation") for trigger in triggers if trigger.request]
    outputs = [(trigger.answer, "serialization") for trigger in triggers if trigger.answer]
    _, definitions = models_json_schema([*inputs, *outputs], ref_template=_REF)  # type: ignore[list-item]
    return dict(definitions.get("$defs", {}))


def _describe(entry: Operation, trigger: HttpTrigger, schemas: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": entry.name,
        "summary": entry.summary,
        "tags": [entry.group],
        "parameters": list(_parameters(trigger, schemas)),
        "responses": _responses(trigger),
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
                yield {"name": name, "in": "query", "required": name in required, "schema": schema}
    if trigger.idempotency != "none":
        key = {"type": "string", "minLength": 1, "maxLength": 255}
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": trigger.idempotency == "required",
            "schema": key,
        }
    if trigger.method in _VERSIONED or (trigger.method == "POST" and names):
        yield {"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}}


def _body(trigger: HttpTrigger, schemas: Mapping[str, Any]) -> dict[str, Any] | None:
    names = _path_names(trigger)
    fields = {name: schema for name, schema in _fields(trigger, schemas).items() if name not in names}
    if trigger.method == "GET" or trigger.request is None or not fields:
        return None
    whole = schemas[trigger.request.__name__]
    required = [name for name in whole.get("required", []) if name in fields]
    schema = (
        {"$ref": _REF.format(model=trigger.request.__name__)}
        if not names
        else {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
    )
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _responses(trigger: HttpTrigger) -> dict[str, Any]:
    empty: dict[str, Any] = {"description": "Success"}
    success = dict(empty)
    if trigger.answer is not None:
        schema = {"$ref": _REF.format(model=trigger.answer.__name__)}
        success["content"] = {"application/json": {"schema": schema}}
    elif trigger.media != "application/json":
        success["content"] = {trigger.media: {"schema": {"type": "string"}}}
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    statuses = {str(status): empty if status == 204 else success for status in trigger.also}
    return statuses | {str(trigger.status): success, "default": {"description": "Refused or failed", **error}}


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    detail = {
        "type": "object",
        "properties": {"field": text, "message": text},
        "required": ["field", "message"],
    }
    inner = {
        "code": {"type": "string", "enum": error_codes()},
        "message": text,
        "details": {"type": "array", "items": detail},
        "data": {"type": "object"},
        "request_id": text,
    }
    error = {"type": "object", "properties": inner, "required": sorted(inner), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"error": error},
        "required": ["error"],
        "additionalProperties": False,
    }


def error_codes() -> list[str]:
    """The closed list of codes."""
    return sorted({kind.code for kind in refusals()})


def refusals() -> list[type[Refusal]]:
    """Every refusal that shared/ and functions/ define, whatever was imported before, in a fixed order.

    Refusals of operations are known through the catalog; every module of shared/ is imported here.
    """
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    return sorted(_refusals(Refusal), key=lambda kind: (kind.code, kind.__module__, kind.__qualname__))


def _refusals(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    if kind.__module__.split(".")[0] in ("shared", "functions"):
        yield kind
    for child in kind.__subclasses__():
        yield from _refusals(child)
