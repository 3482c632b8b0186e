"""One HTTP request to one operation: authenticate, authorise, validate, run, render. No web framework here.

Order matters: the caller is known before anything is parsed, validation runs before the idempotency key is
looked at, and a refusal is answered from the operation record when the key's first run succeeded.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared import authentication, commit, parsing, resources, telemetry, throttle, tracing
from shared.chain.errors import ChainError
from shared.clock import new_id
from shared.context import Context, Idempotency, deadline_in, running
from shared.domain.errors import Refusal
from shared.errors import (
    ChainUnavailable,
    Contended,
    Forbidden,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    Internal,
    MethodNotAllowed,
    Unready,
)
from shared.identity.permissions import Caller
from shared.operation import SELF, HttpTrigger, Operation
from shared.parsing import MAX_BODY, Incoming, validate
from shared.store.port import Contention, StoreError
from shared.store.session import Session

__all__ = [
    "MAX_BODY",
    "Incoming",
    "Reply",
    "answer",
    "as_refusal",
    "error_body",
    "failed",
    "fingerprint",
    "validate",
]
_log = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True)
class Reply:
    """The answer: `body` is JSON text (or empty), or `stream` gives it piece by piece."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[str] | None = None


def answer(operation: Operation, incoming: Incoming) -> Reply:
    """Run the operation for this request; every exception becomes an error reply."""
    context = Context(
        operation=operation.name,
        request_id=_request_id(incoming.headers),
        publishes=operation.publishes,
        writes=operation.writes,
        signs=operation.signs,
        deadline=deadline_in(resources.settings().request_seconds),
        network=throttle.network(incoming.headers, resources.settings().forwarded_hops),
    )
    with running(context), tracing.entered(context, "SERVER", incoming.headers.get("traceparent")):
        try:
            reply = _run(operation, incoming, context)
        except commit.Replay as replay:
            reply = _replayed(operation, replay)
        except Exception as error:
            reply = failed(error, context)
        telemetry.finished(context, "http", reply.status, incoming.method, incoming.path)
    reply.headers.update(context.headers)
    reply.headers.setdefault("Cache-Control", "no-store")
    reply.headers["X-Request-Id"] = context.request_id
    if reply.body:
        reply.headers.setdefault("Content-Type", "application/json")
    return reply


def _run(operation: Operation, incoming: Incoming, context: Context) -> Reply:
    trigger, path = _route(operation, incoming)
    context.caller = authentication.caller(incoming.headers, trigger.permission)
    throttle.count(context)
    if context.caller is not None and not _allowed(context.caller, trigger.permission):
        raise Forbidden(permission=trigger.permission)
    fields = parsing.fields(trigger, incoming, path)
    request = parsing.validated(trigger, fields)
    parsing.conditions(context, incoming.headers)
    context.idempotency = _idempotency(operation, trigger, incoming.headers, fields)
    arguments = [context.caller] if trigger.request is None else [request, context.caller]
    try:
        result = operation.function(*arguments)
    except Refusal as refusal:
        _replay_instead(context, refusal)
        raise
    return _success(trigger, context, result)


def _allowed(caller: Caller, permission: str) -> bool:
    return permission == SELF or caller.may(permission)


def _route(operation: Operation, incoming: Incoming) -> tuple[HttpTrigger, dict[str, str]]:
    """The trigger whose method and path match. Raises NotFound, or MethodNotAllowed with what other operations
    answer on the path as well."""
    from shared.domain.errors import NotFound

    paths = [
        (trigger, found) for trigger in operation.https if (found := trigger.pattern.match(incoming.path))
    ]
    for trigger, found in paths:
        if trigger.method == incoming.method:
            return trigger, found.groupdict()
    if paths:
        from schemas import routes

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
    return Idempotency(key, fingerprint(operation.name, fields))


def fingerprint(operation: str, fields: Mapping[str, Any]) -> str:
    """A keyed digest of what is asked, so that stored records reveal nothing of bodies with secrets."""
    canonical = json.dumps([operation, fields], sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(resources.settings().fingerprint_key, canonical, hashlib.sha256).hexdigest()


def _replay_instead(context: Context, refusal: Refusal) -> None:
    """Raise Replay when this key's first run succeeded (a commit has looked already, inside its transaction)."""
    if context.idempotency and refusal.status < 500 and not refusal.record_checked:
        record = commit.find_record(
            Session(resources.database().snapshot()), context, context.idempotency.key
        )
        if record is not None:
            raise commit.Replay(record)


def _success(trigger: HttpTrigger, context: Context, result: Any) -> Reply:
    headers = {}
    etag = context.etag or commit.etag_of(result)
    if etag:
        headers["ETag"] = etag
    if isinstance(result, Reply):
        return result
    return Reply(
        context.success_status or (trigger.status if result is not None else 204),
        commit.render(result),
        headers,
    )


def _replayed(operation: Operation, replay: commit.Replay) -> Reply:
    record = replay.record
    headers = {"Idempotent-Replayed": "true"} | ({"ETag": record.etag} if record.etag else {})
    declared = operation.https[0].status if operation.https else 200
    return Reply(record.status or (declared if record.body else 204), record.body, headers)


def failed(error: Exception, context: Context) -> Reply:
    """The error reply of any exception; only refusals tell what happened."""
    refusal = as_refusal(error)
    context.code = refusal.code
    if refusal.status >= 500:
        _log.error("failed", exc_info=error, extra={"code": refusal.code})
    body = json.dumps({"error": error_body(refusal, context.request_id)})
    headers = {"Retry-After": f"{refusal.retry_after:g}"} if refusal.retry_after is not None else {}
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(refusal.data["allowed"])
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Reply(refusal.status, body, headers)


def as_refusal(error: Exception) -> Refusal:
    """What an exception means to a caller."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Contention):
        return Contended()
    if isinstance(error, ChainError):
        return ChainUnavailable()
    return Unready() if isinstance(error, StoreError) else Internal()


def error_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The contract's error shape."""
    return {
        "code": refusal.code,
        "message": refusal.text,
        "details": refusal.details,
        "data": refusal.data,
        "request_id": request_id,
    }


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id("req")
