"""One HTTP request to one operation: authenticate, authorise, validate, run, render. No web framework here.

Order matters: the caller is known before anything is parsed, validation runs before the idempotency key is
looked at, and a refusal is answered from the operation record when the key's first run succeeded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from shared import resources
from shared.auth import authentication, denials
from shared.domain.errors import Refusal
from shared.runtime.clock import new_id
from shared.runtime.context import Context, Idempotency, deadline_in, running
from shared.runtime.errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    MethodNotAllowed,
)
from shared.runtime.operation import HttpTrigger, Operation
from shared.store.session import Session
from shared.telemetry import logs, tracing
from shared.triggers import authorization, request_parsing, throttle
from shared.triggers.reply import Reply, failed
from shared.triggers.request_parsing import Incoming
from shared.writes.mutation import Replay, etag_of, find_record, render

_log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def answer(operation: Operation, incoming: Incoming) -> Reply:
    """Run the operation for this request; every exception becomes an error reply."""
    settings = resources.settings()
    request_id, deadline = _request_id(incoming.headers), deadline_in(settings.request_seconds)
    context = Context(operation.name, request_id, deadline, operation.rights)
    context.request.network = throttle.network(incoming.headers, settings.forwarded_hops)
    throttle.check_hops(incoming.headers, settings.forwarded_hops, settings.balancer_addresses)
    context.request.user_agent = _user_agent(incoming.headers)
    with running(context), tracing.entered(context, "SERVER", incoming.headers.get("traceparent")):
        try:
            reply = _run(operation, incoming, context)
        except Replay as replay:
            reply = _replayed(operation, replay)
        except Exception as error:
            reply = failed(error, context)
        logs.finished(context, "http", reply.status, incoming.method, incoming.path)
    reply.headers.update(context.answer.headers)
    reply.headers.setdefault("Cache-Control", "no-store")
    reply.headers["X-Request-Id"] = context.request_id
    if reply.body:
        reply.headers.setdefault("Content-Type", "application/json")
    return reply


def _run(operation: Operation, incoming: Incoming, context: Context) -> Reply:
    trigger, path = _route(operation, incoming)
    try:
        return _answered(operation, trigger, path, incoming, context)
    except Refusal as refusal:
        if context.caller is not None and denials.watched(trigger.permission, refusal):
            denials.record(next(filter(_ID.fullmatch, path.values()), None), refusal)
        raise


def _answered(
    operation: Operation, trigger: HttpTrigger, path: dict[str, str], incoming: Incoming, context: Context
) -> Reply:
    context.caller = authentication.caller(incoming.headers, trigger.permission)
    throttle.count(context)
    authorization.require(context.caller, trigger)
    fields = request_parsing.fields(trigger, incoming, path)
    request = request_parsing.validated(trigger, fields)
    request_parsing.conditions(context, incoming.headers)
    context.request.idempotency = _idempotency(operation, trigger, incoming.headers, fields)
    arguments = [context.caller] if trigger.request is None else [request, context.caller]
    try:
        result = operation.function(*arguments)
    except Refusal as refusal:
        _replay_instead(context, refusal)
        raise
    return _success(trigger, context, result)


def _route(operation: Operation, incoming: Incoming) -> tuple[HttpTrigger, dict[str, str]]:
    """The trigger whose method and path match. Raises NotFound, or MethodNotAllowed with what other operations
    answer on the path as well."""
    from shared.domain.errors import NotFound

    paths = [
        (trigger, match) for trigger in operation.https if (match := trigger.pattern.match(incoming.path))
    ]
    for trigger, match in paths:
        if trigger.method == incoming.method:
            return trigger, match.groupdict()
    if paths:
        from schemas.contract import routes

        raise MethodNotAllowed(allowed=routes.methods(incoming.path))
    raise NotFound("There is no such route.")


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
    """Raise Replay when this key's first run succeeded (a commit has looked already, inside its transaction)."""
    if context.request.idempotency and refusal.status < 500 and not refusal.record_checked:
        record = find_record(
            Session(resources.database().snapshot()), context, context.request.idempotency.key
        )
        if record is not None:
            raise Replay(record)


def _success(trigger: HttpTrigger, context: Context, result: Any) -> Reply:
    headers = {}
    etag = context.answer.etag or etag_of(result)
    if etag:
        headers["ETag"] = etag
    if isinstance(result, Reply):
        return result
    return Reply(
        context.answer.status or (trigger.status if result is not None else 204),
        render(result),
        headers,
    )


def _replayed(operation: Operation, replay: Replay) -> Reply:
    record = replay.record
    headers = {"Idempotent-Replayed": "true"} | ({"ETag": record.etag} if record.etag else {})
    declared = operation.https[0].status if operation.https else 200
    return Reply(record.status or (declared if record.body else 204), record.body, headers)


def _user_agent(headers: Mapping[str, str]) -> str:
    """What a sign-in is listed under: at most 200 printable characters."""
    return "".join(letter for letter in headers.get("user-agent", "")[:200] if letter.isprintable())


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id("req")
