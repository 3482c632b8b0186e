"""The functions-framework adapter, the one place that knows flask: requests in, replies out, health, pushes.

/healthz            the process lives        /readyz   what this operation needs answers
/push/<operation>   a Pub/Sub delivery       /schedule/<operation>   a Cloud Scheduler start
anything else       the operation's HTTP triggers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared import resources
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.runtime.operation import Operation
from shared.telemetry import export, logs, tracing
from shared.triggers import http, pubsub_push, push_auth, readiness, request_parsing
from shared.triggers.reply import Reply, error_body, failed
from shared.triggers.request_parsing import Incoming
from shared.triggers.router import Router

if TYPE_CHECKING:
    from flask import Request, Response

PROBES = ("/healthz", "/readyz")
MAX_PUSH = 16 * 1024 * 1024  # a Pub/Sub message has at most 10 MB, here in base64 within JSON


def serve(operation: Operation) -> Callable[[Request], Response]:
    """The flask view of one operation."""

    def view(request: Request) -> Response:
        return respond(dispatch(operation, incoming(request)))

    return view


def serve_all(operations: Mapping[str, Operation]) -> Callable[[Request], Response]:
    """The flask view of several operations: by path, as a balancer would choose a service."""
    router = Router(operations)

    def view(request: Request) -> Response:
        asked = incoming(request)
        found = None if asked.path in PROBES else router.find(asked.method, asked.path)
        return respond(dispatch(found, asked) if found else router.elsewhere(asked))

    return view


def incoming(request: Request) -> Incoming:
    """A flask request without flask. A body longer than the limit is not read.

    A push may be as long as Pub/Sub allows: one that was not read could not be recorded, and would come for ever."""
    limit = MAX_PUSH if request.path.startswith("/push/") else request_parsing.MAX_BODY
    if request.content_length is None:  # sent in chunks, without saying how many
        body = request.stream.read(limit + 1)
    elif request.content_length > limit:
        body = b"\0" * (limit + 1)
    else:
        body = request.get_data(cache=True)
    return Incoming(
        request.method,
        request.path,
        {name.lower(): value for name, value in request.headers.items()},
        request.args.to_dict(flat=False),
        body,
    )


def respond(reply: Reply) -> Response:
    from flask import Response

    body = reply.body if reply.stream is None else reply.stream
    return Response(body, reply.status, reply.headers)


def dispatch(operation: Operation, request: Incoming) -> Reply:
    """Answer by path: probes, pushes, schedules, or the operation's own routes. Never raises."""
    export.beat()
    try:
        reply = _dispatch(operation, request)
    except Exception as error:  # functions-framework would show its text
        reply = failed(error, Context(operation.name, new_id("req"), deadline_in(0)))
    if reply.body:
        reply.headers.setdefault("Content-Type", "application/json")
    return reply


def _dispatch(operation: Operation, request: Incoming) -> Reply:
    if request.path == "/healthz":
        return Reply(200, '{"status": "ok"}')
    if request.path == "/readyz":
        return readiness.reply(operation.needs)
    pushed = operation.messages and request.path == f"/push/{operation.name}"
    started = operation.schedules and request.path == f"/schedule/{operation.name}"
    if request.method == "POST" and (pushed or started):
        return _internal(operation, request)
    return http.answer(operation, request)


def _internal(operation: Operation, request: Incoming) -> Reply:
    token = request.query.get("token", [""])[0]
    try:
        push_auth.authenticate(resources.settings(), request.headers, token)
    except Refusal as refusal:
        return Reply(refusal.status, json.dumps({"error": error_body(refusal, new_id("req"))}))
    if request.path.startswith("/push/"):
        return pubsub_push.deliver(operation, request)
    return _scheduled(operation)


def _scheduled(operation: Operation) -> Reply:
    deadline = deadline_in(resources.settings().handler_seconds)
    context = Context(operation.name, new_id("req"), deadline, operation.rights, Caller.of_system())
    with running(context), tracing.entered(context, "INTERNAL", None):
        try:
            operation.function()
            reply = Reply(204)
        except Exception as error:
            reply = failed(error, context)
        logs.finished(context, "schedule", reply.status)
    return reply
