"""Generate the Postman collection (format 2.1): a request for each operation, with an example body."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from schemas.contract.clients import operations as known
from schemas.contract.clients.operations import ClientOperation

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
# Runs before each request: it sends the key if there is one, otherwise the token. A sign-in stores the new token.
_AUTHORISE = [
    "const key = pm.variables.get('apiKey');",
    "const token = pm.variables.get('token');",
    "if (key) pm.request.headers.upsert({ key: 'X-API-Key', value: key });",
    "else if (token) pm.request.headers.upsert({ key: 'Authorization', value: 'Bearer ' + token });",
]
_KEEP = [
    "if (pm.response.code === 200 && /auth\\/(login|refresh|siwe\\/verify)$/.test(pm.request.url.getPath())) {",
    "  pm.collectionVariables.set('token', pm.response.json().token);",
    "}",
]


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The complete collection, with a folder for each group."""
    folders = [
        {"name": operations[0].attribute, "item": [_item(document, one) for one in operations]}
        for operations in known.groups(document).values()
    ]
    title = document["info"]["title"]
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, title)),
            "name": title,
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "variable": [
            {"key": "baseUrl", "value": "http://127.0.0.1:8080"},
            {"key": "token", "value": ""},
            {"key": "apiKey", "value": ""},
        ],
        "event": [_script("prerequest", _AUTHORISE), _script("test", _KEEP)],
        "item": folders,
    }


def _script(moment: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": moment, "script": {"type": "text/javascript", "exec": lines}}


def _item(document: Mapping[str, Any], one: ClientOperation) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": one.method,
        "description": f"{one.summary}\n\n{one.description}".strip(),
        "header": list(_headers(one)),
        "url": _url(one),
    }
    if one.has_body:
        example = json.dumps(_body(document, one), indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": example, "options": {"raw": {"language": "json"}}}
    return {"name": one.id, "request": request}


def _headers(one: ClientOperation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if one.has_body:
        found.append({"key": "Content-Type", "value": "application/json"})
    if "Idempotency-Key" in one.headers:
        found.append({"key": "Idempotency-Key", "value": "{{$guid}}"})
    for name in sorted(one.headers & {"If-Match", "Min-Version"}):
        found.append({"key": name, "value": "1", "disabled": True})
    return found


def _url(one: ClientOperation) -> dict[str, Any]:
    path = one.path
    for field in one.path_fields:
        path = path.replace(f"{{{field.name}}}", f":{field.name}")
    query = [
        {"key": field.name, "value": str(field.schema.get("default") or ""), "disabled": not field.required}
        for field in one.query
    ]
    return {
        "raw": f"{{{{baseUrl}}}}{path}",
        "host": ["{{baseUrl}}"],
        "path": path.strip("/").split("/"),
        "query": query,
        "variable": [{"key": field.name, "value": ""} for field in one.path_fields],
    }


def _body(document: Mapping[str, Any], one: ClientOperation) -> Any:
    """The body's example from the document."""
    media = document["paths"][one.path][one.method.lower()]["requestBody"]["content"][known.JSON]
    if "example" in media:
        return media["example"]
    (reference,) = media["examples"].values()
    return document["components"]["examples"][reference["$ref"].rpartition("/")[2]]["value"]
