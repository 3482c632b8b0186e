"""The functions-framework adapter, the one place that knows flask: requests in, replies out, health, pushes.

/healthz            the process lives        /readyz   what this operation needs answers
/push/<operation>   a Pub/Sub delivery       /schedule/<operation>   a Cloud Scheduler start
anything else       the operation's HTTP triggers
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared import http, messaging, push, readiness, resources
from shared.clock import new_id
from shared.context import Context, deadline_in, running
from shared.domain.errors import Refusal
from shared.http import Incoming, Reply
from shared.identity.permissions import Caller
from shared.operation import Operation

if TYPE_CHECKING:
    from flask import Request, Response


def serve(operation: Operation) -> Callable[[Request], Response]:
    """The flask view of one operation."""

    def view(request: Request) -> Response:
        return respond(dispatch(operation, incoming(request)))

    return view


def incoming(request: Request) -> Incoming:
    """A flask request without flask. A body longer than the limit is not read."""
    too_long = (request.content_length or 0) > http.MAX_BODY
    body = b"\0" * (http.MAX_BODY + 1) if too_long else request.get_data(cache=True)
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
    """Answer by path: probes, pushes, schedules, or the operation's own routes."""
    if request.path == "/healthz":
        return Reply(200, '{"status": "ok"}', {"Content-Type": "application/json"})
    if request.path == "/readyz":
        return readiness.reply(operation.needs)
    if request.path in (f"/push/{operation.name}", f"/schedule/{operation.name}"):
        return _internal(operation, request)
    return http.answer(operation, request)


def _internal(operation: Operation, request: Incoming) -> Reply:
    token = request.query.get("token", [""])[0]
    try:
        push.authenticate(resources.settings(), request.headers, token)
    except Refusal as refusal:
        return Reply(refusal.status, json.dumps({"error": http.error_body(refusal, new_id("req"))}))
    if request.path.startswith("/push/"):
        return messaging.deliver(operation, request)
    return _scheduled(operation)


def _scheduled(operation: Operation) -> Reply:
    context = Context(operation.name, new_id("req"), deadline_in(resources.settings().handler_seconds))
    context.caller = Caller.of_system()
    context.publishes = operation.publishes
    with running(context):
        try:
            operation.function()
        except Exception as error:
            return http.failed(error, context)
    return Reply(204)
