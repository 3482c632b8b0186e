"""The events of the OpenAPI document: a schema and a webhook for each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.contract.summaries import plain
from schemas.event_payloads import model_of
from shared.domain import event_types

INTERNAL: Final = event_types.IN_NO_FEED - {"webhook.test"}  # only between our own functions
_HEADERS: Final = {
    "webhook-id": "The same for each attempt to deliver it: what came already is known by it.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": (
        "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64, `v1a,` and its Ed25519 signature; several are "
        "parted by spaces."
    ),
}


def types() -> dict[str, str]:
    """The event types that users receive, with their descriptions."""
    return {kind: says for kind, says in event_types.TYPES.items() if kind not in INTERNAL}


def schema_name(kind: str) -> str:
    """`order.created` as OrderCreatedEvent."""
    words = kind.replace(".", "_").split("_")
    return "".join(word.capitalize() for word in words) + "Event"


def models() -> list[type[Any]]:
    """The models of all event data."""
    found = (model_of(kind) for kind in types())
    return list(dict.fromkeys(model for model in found if model is not None))


def schemas(ref: str) -> dict[str, Any]:
    """A schema for each event type: the CloudEvent with its type and its data."""
    return {schema_name(kind): _schema(kind, says, ref) for kind, says in types().items()}


def _schema(kind: str, says: str, ref: str) -> dict[str, Any]:
    model = model_of(kind)
    properties: dict[str, Any] = {"type": {"type": "string", "const": kind}}
    if model is not None:
        properties["data"] = {"$ref": ref.format(model=model.__name__)}
    narrowed = {"type": "object", "properties": properties, "required": ["type", "data"]}
    return {"description": says, "allOf": [{"$ref": ref.format(model="CloudEvent")}, narrowed]}


def webhooks(ref: str) -> dict[str, Any]:
    """OpenAPI's `webhooks`: the requests to an endpoint, and the meaning of its answers."""
    return {kind: {"post": _webhook(kind, says, ref)} for kind, says in types().items()}


def _webhook(kind: str, says: str, ref: str) -> Mapping[str, Any]:
    schema = {"$ref": ref.format(model=schema_name(kind))}
    parameters = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]
    return {
        "operationId": f"webhook_{kind.replace('.', '_')}",
        "summary": plain(says),
        "tags": ["webhooks"],
        "security": [],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "It was taken."},
            "410": {"description": "Nothing more is wanted here: the endpoint is disabled."},
            "default": {"description": "It was not taken, and is sent again later."},
        },
    }
