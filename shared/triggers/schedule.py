"""One start of a schedule's operation by Cloud Scheduler."""

from __future__ import annotations

from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.runtime.operation import Operation
from shared.telemetry import logs, tracing
from shared.triggers.reply import Reply, failed


def start(operation: Operation) -> Reply:
    """Run it once: 204, or the error reply that lets Cloud Scheduler try again. The caller has authenticated it."""
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
