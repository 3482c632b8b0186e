"""The only entry to an operation: a request as plain data, dispatched by its path.

/live, /ready, /serving      probes (readiness.py)
/push/<operation>   a Pub/Sub delivery       /schedule/<operation>   a Cloud Scheduler start
anything else       the operation's HTTP triggers
"""

from __future__ import annotations

from shared import resources
from shared.domain.errors import Refusal
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in
from shared.runtime.operation import Operation
from shared.telemetry import export
from shared.triggers import http, pubsub_push, push_auth, readiness, schedule
from shared.triggers.reply import Reply, failed, refused
from shared.triggers.request_parsing import Incoming


def answer(operation: Operation, request: Incoming) -> Reply:
    """Answer the request. Never raises."""
    export.beat()
    try:
        reply = _answer(operation, request)
    except Exception as error:  # functions-framework would show the error's text
        reply = failed(error, Context(operation.name, new_id("req"), deadline_in(0)))
    if reply.body:
        reply.headers.setdefault("Content-Type", "application/json")
    return reply


def _answer(operation: Operation, request: Incoming) -> Reply:
    if probe := readiness.probe(request.path, operation.needs):
        return probe
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
        return refused(refusal, new_id("req"))
    if request.path.startswith("/push/"):
        return pubsub_push.deliver(operation, request)
    return schedule.start(operation)
