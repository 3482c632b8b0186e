"""Answer one HTTP request to one operation: authenticate, authorise, validate, run, render. It uses no web framework.

The order matters: authentication precedes all parsing, validation precedes the check of the idempotency key, and a
refusal is answered from the operation record if the key's first run succeeded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared import resources
from shared.auth import authentication, denials
from shared.domain.errors import NotFound, Refusal
from shared.runtime.clock import new_id
from shared.runtime.context import Context, Idempotency, Rights, deadline_in, running
from shared.runtime.errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    MethodNotAllowed,
)
from shared.runtime.operation import EVENT_STREAM, HttpTrigger, Operation
from shared.store.session import Session
from shared.telemetry import logs, tracing
from shared.triggers import authorization, cors, request_parsing, throttle
from shared.triggers.reply import Reply, failed
from shared.triggers.request_parsing import Incoming
from shared.writes.mutation import Replay, etag_of, find_record, render

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
UNSERVED = "unserved"  # the operation name in logs and metrics for paths without an operation
NO_ROUTE = "There is no such route"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def answer(operation: Operation, incoming: Incoming) -> Reply:
    """Run the operation for this request; every exception becomes an error reply."""
    return _in_context(operation.name, operation.rights, incoming, partial(_dispatch, operation))


def refuse(operation: Operation, incoming: Incoming, refusal: Refusal) -> Reply:
    """The reply to a request that could not be parsed (by gRPC or WebSocket). Also writes a log line."""

    def refused(_: Incoming, __: Context) -> Reply:
        raise refusal

    return _in_context(operation.name, operation.rights, incoming, refused)


def unserved(incoming: Incoming) -> Reply:
    """The reply to a path without an operation. Also writes a log line."""
    return _in_context(UNSERVED, Rights(signs=False, writes=False), incoming, _not_found)


def _not_found(incoming: Incoming, context: Context) -> Reply:
    raise _no_route(incoming.path)


def _in_context(
    name: str, rights: Rights, incoming: Incoming, run: Callable[[Incoming, Context], Reply]
) -> Reply:
    """The reply of `run` in a new context, with a deadline, a span and a log line. Errors become error replies."""
    settings = resources.settings()
    longest = settings.request_seconds
    deadline = deadline_in(longest if incoming.seconds is None else min(longest, incoming.seconds))
    request_id = _request_id(incoming.headers)
    context = Context(name, request_id, deadline, rights)
    context.request.network = throttle.network(incoming.headers, settings.forwarded_hops)
    throttle.check_hops(incoming.headers, settings.forwarded_hops, settings.balancer_addresses)
    context.request.user_agent = _user_agent(incoming.headers)
    context.request.seconds = 0.0 if incoming.method == "HEAD" else incoming.seconds  # HEAD waits for nothing
    with running(context), tracing.entered(context, "SERVER", incoming.headers.get("traceparent")):
        try:
            reply = run(incoming, context)
        except Exception as error:
            reply = failed(error, context)
        logs.finished(context, "http", reply.status, incoming.method, incoming.path)
    reply.headers.update(context.answer.headers)
    reply.headers.setdefault("Cache-Control", "no-store")
    reply.headers["X-Content-Type-Options"] = "nosniff"
    if not settings.local:
        reply.headers["Strict-Transport-Security"] = "max-age=31536000"  # a year without unencrypted requests
    reply.headers["X-Request-Id"] = context.request_id
    cors.allow(reply, incoming.headers)
    if reply.body:
        reply.headers.setdefault("Content-Type", "application/json")
    return reply


def _dispatch(operation: Operation, incoming: Incoming, context: Context) -> Reply:
    """Execute the operation, or answer a preflight request or a replay. Raises refusals; denials are audited."""
    if cors.asks(incoming):
        return cors.answer(incoming, _methods(incoming.path))
    trigger, path = _route(operation, incoming)
    try:
        return _execute(operation, trigger, path, incoming, context)
    except Replay as replay:
        return _replayed(operation, replay)
    except Refusal as refusal:
        if context.caller is not None and denials.watched(trigger.permission, refusal):
            denials.record(next(filter(_ID.fullmatch, path.values()), None), refusal)
        raise


def _execute(
    operation: Operation, trigger: HttpTrigger, path: dict[str, str], incoming: Incoming, context: Context
) -> Reply:
    """Check the request in the documented order, and call the operation's function. Raises Replay and refusals."""
    context.caller = authentication.caller(incoming.headers, trigger.permission)
    throttle.count(context)
    authorization.require(context.caller, trigger)
    fields = request_parsing.fields(trigger, incoming, path)
    request = request_parsing.validated(trigger, fields)
    request_parsing.conditions(context, incoming.headers)
    context.request.idempotency = _idempotency(operation, trigger, incoming.headers, fields)
    if incoming.method == "HEAD" and trigger.media == EVENT_STREAM:
        return Reply.of_stream(None)
    arguments = [context.caller] if trigger.request is None else [request, context.caller]
    try:
        result = operation.function(*arguments)
    except Refusal as refusal:
        _replay_instead(context, refusal)
        raise
    return _success(trigger, context, result)


def _route(operation: Operation, incoming: Incoming) -> tuple[HttpTrigger, dict[str, str]]:
    """The trigger whose method and path match. Raises NotFound, or MethodNotAllowed with all methods that any
    operation supports on the path."""
    paths = [
        (trigger, match) for trigger in operation.https if (match := trigger.pattern.match(incoming.path))
    ]
    for trigger, match in paths:
        if trigger.method == request_parsing.declared(incoming.method):
            return trigger, match.groupdict()
    if paths:
        allowed = _methods(incoming.path)
        raise MethodNotAllowed(f"This path supports only {', '.join(allowed)}.", allowed=allowed)
    raise _no_route(incoming.path)


def _no_route(path: str) -> NotFound:
    """The refusal of a path without an operation; `data.route` is the route that was probably meant."""
    from schemas.contract import routes

    route = routes.similar(path)
    if route is not None:
        return NotFound(f"{NO_ROUTE}; there is {route}.", route=route)
    return NotFound(f"{NO_ROUTE}: GET /openapi.json lists all routes, and /docs shows them.")


def _methods(path: str) -> list[str]:
    """The methods that any operation supports on this path."""
    from schemas.contract import routes

    return routes.methods(path)


def _idempotency(
    operation: Operation, trigger: HttpTrigger, headers: Mapping[str, str], fields: Mapping[str, Any]
) -> Idempotency | None:
    if trigger.idempotency == "none":
        return None
    key = headers.get("idempotency-key", "").strip()
    if len(key) > 2 and key[0] == key[-1] == '"':  # RFC 8941 string
        key = key[1:-1]
    if not key:
        if trigger.idempotency == "required":
            raise IdempotencyKeyRequired()
        return None
    if len(key) > 255 or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyInvalid()
    return Idempotency(key, request_parsing.fingerprint(operation.name, fields))


def _replay_instead(context: Context, refusal: Refusal) -> None:
    """Raise Replay if this key's first run succeeded (a commit has already checked this inside its transaction)."""
    if context.request.idempotency and refusal.status < 500 and not refusal.record_checked:
        record = find_record(
            Session(resources.database().snapshot()), context, context.request.idempotency.key
        )
        if record is not None:
            raise Replay(record)


def _success(trigger: HttpTrigger, context: Context, result: Any) -> Reply:
    if isinstance(result, Reply):
        return result
    etag, body = context.answer.etag or etag_of(result), render(result)
    status = context.answer.status or (trigger.status if result is not None else 204)
    return Reply(status, body, _headers(trigger, status, body, etag))


def _headers(trigger: HttpTrigger, status: int, body: str, etag: str | None) -> dict[str, str]:
    """The reply's headers: the version of the answer, and the location of a created resource."""
    headers = {"ETag": etag} if etag else {}
    if status in (201, 202) and trigger.location:
        headers["Location"] = trigger.location.format_map(json.loads(body))
    return headers


def _replayed(operation: Operation, replay: Replay) -> Reply:
    record = replay.record
    trigger = operation.https[0]
    status = record.status or (trigger.status if record.body else 204)
    headers = {"Idempotent-Replayed": "true"} | _headers(trigger, status, record.body, record.etag)
    return Reply(status, record.body, headers)


def _user_agent(headers: Mapping[str, str]) -> str:
    """The client name shown in the list of sign-ins: at most 200 printable characters."""
    return "".join(letter for letter in headers.get("user-agent", "")[:200] if letter.isprintable())


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id("req")
