"""Run one scheduled start of an operation by Cloud Scheduler."""

from __future__ import annotations

from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.runtime.operation import Operation
from shared.telemetry import logs, tracing
from shared.triggers.reply import Reply, failed


def start(operation: Operation) -> Reply:
    """Run the operation once. The reply is 204, or an error that makes Cloud Scheduler retry. The caller has
    authenticated it."""
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
