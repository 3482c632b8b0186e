"""Parse a request: body, query and path as one object, validated against the operation's model."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas import problems
from shared import resources
from shared.runtime.context import Browser, Context
from shared.runtime.errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType, ValidationFailed
from shared.runtime.operation import HttpTrigger

_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})"?')


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as plain data. Header names are lower case; `query` keeps repeated parameters; `seconds` is the time
    that the caller waits, if known. `cut`: the rest of the body was not read."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes
    seconds: float | None = None
    cut: bool = False


def declared(method: str) -> str:
    """The method of the route that serves a request: HEAD is answered like GET, without the body (RFC 9110, 9.3.2)."""
    return "GET" if method == "HEAD" else method


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """An ASGI server's header lines; lines with the same name are joined, as in WSGI."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def fields(trigger: HttpTrigger, incoming: Incoming, path: dict[str, str]) -> dict[str, Any]:
    """Body (or query) and path parameters as one object. Each name may occur only once."""
    if trigger.method == "GET":
        given: dict[str, Any] = {}
        for name, values in incoming.query.items():
            if len(values) > 1:
                repeated = {"field": name[: problems.MAX_NAME], "message": "is given more than once"}
                raise ValidationFailed(details=[repeated])
            given[name] = values[0]
    else:
        if incoming.query and trigger.method != "DELETE":
            raise ValidationFailed(details=problems.unknown(incoming.query))
        given = _body(trigger, incoming) | {name: values[0] for name, values in incoming.query.items()}
    twice = [{"field": name, "message": "belongs to the path"} for name in given.keys() & path.keys()]
    if twice:
        raise ValidationFailed(details=twice)
    return given | path


def _body(trigger: HttpTrigger, incoming: Incoming) -> dict[str, Any]:
    if len(incoming.body) > trigger.largest:
        raise BodyTooLarge(limit=trigger.largest)
    if not incoming.body:
        return {}
    if incoming.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType()
    try:
        parsed = json.loads(incoming.body, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedRequest(f"The body is not JSON from {place} on.") from None
    except (ValueError, RecursionError):  # not UTF-8, NaN, nested too deeply
        raise MalformedRequest("The body is not JSON.") from None
    if not isinstance(parsed, dict):
        raise MalformedRequest()
    return parsed


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def validated(trigger: HttpTrigger, fields: dict[str, Any]) -> Any:
    if trigger.request is None:
        if fields:
            raise ValidationFailed(details=problems.unknown(sorted(fields)))
        return None
    return validate(trigger.request, fields)


def validate(model: Any, fields: Mapping[str, Any]) -> Any:
    """The pydantic model of these fields. Raises ValidationFailed naming each wrong field, without its value."""
    from pydantic import ValidationError

    try:
        return model.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ValidationFailed(details=problems.details(found)) from None


def conditions(context: Context, headers: Mapping[str, str]) -> None:
    context.request.strong_read = "no-cache" in headers.get("cache-control", "").lower()
    context.request.if_match = _version(headers, "if-match") if headers.get("if-match", "*") != "*" else None
    context.request.min_version = _version(headers, "min-version") if "min-version" in headers else None
    context.request.last_event_id = headers.get("last-event-id") or None
    named = ("cookie", "host", "origin", "sec-fetch-site")
    context.request.browser = Browser(*(headers.get(name, "") for name in named))


def _version(headers: Mapping[str, str], name: str) -> int:
    match = _VERSION.fullmatch(headers[name].strip())
    if not match:
        raise ValidationFailed(details=[{"field": name, "message": "must be a version"}])
    return int(match.group(1))


def fingerprint(operation: str, fields: Mapping[str, Any]) -> str:
    """A keyed digest of the request, so that stored records reveal nothing of bodies that contain secrets."""
    canonical = json.dumps([operation, fields], sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(resources.settings().fingerprint_key, canonical, hashlib.sha256).hexdigest()
