"""The functions-framework adapter: converts flask requests and replies. It is the only module that uses flask;
`entrypoint` answers the requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import resources
from shared.runtime.clock import new_id
from shared.runtime.errors import MalformedRequest
from shared.runtime.operation import Operation
from shared.triggers import body_limits, entrypoint, readiness
from shared.triggers.body_deadline import BodyDeadlines
from shared.triggers.reply import Reply, refused
from shared.triggers.request_parsing import Incoming
from shared.triggers.router import Router

if TYPE_CHECKING:
    from flask import Request, Response

    from shared.triggers.streaming.subscription import Subscription

DRAINED = 1024 * 1024  # bytes of a too long body that are read and discarded


def serve(operation: Operation) -> Callable[[Request], Response]:
    """The flask view of one operation."""

    return partial(_answered, lambda parsed: entrypoint.answer(operation, parsed))


def serve_all(operations: Mapping[str, Operation]) -> Callable[[Request], Response]:
    """The flask view of several operations, dispatched by path as the load balancer would do."""
    router = Router(operations)

    def answer(parsed: Incoming) -> Reply:
        operation = None if parsed.path in readiness.PROBES else router.find(parsed.method, parsed.path)
        return entrypoint.answer(operation, parsed) if operation else router.elsewhere(parsed)

    return partial(_answered, answer)


def _answered(answer: Callable[[Incoming], Reply], request: Request) -> Response:
    from werkzeug.exceptions import ClientDisconnected

    try:
        with _in_time(request):
            parsed = incoming(request)
    except (ClientDisconnected, OSError):
        refusal = MalformedRequest("The body did not come, or not in time.")
        return respond(refused(refusal, new_id("req")), last=True)
    reply = answer(parsed)
    with _in_time(request), suppress(ClientDisconnected, OSError):
        unread(request, parsed)
    return respond(reply, last=parsed.cut)


def _in_time(request: Request) -> AbstractContextManager[None]:
    """Let reads of the request's body end in time; for gunicorn, which waits for ever."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None or not (request.content_length or "Transfer-Encoding" in request.headers):
        return nullcontext()
    return resources.memory(BodyDeadlines).watching(connection)


def serve_all_paths(view: Callable[[Request], Response]) -> None:
    """Let the view also answer paths that no rule of functions-framework matches (with %0A, or /robots.txt). Call it
    while the flask application is being created."""
    from flask import current_app, request

    current_app.register_error_handler(404, lambda _: view(request))


def disable_control_socket() -> None:
    """Let gunicorn make no socket for its console `gunicornc` in the home directory. functions-framework, which starts
    gunicorn, passes no such setting on."""
    from gunicorn.config import ControlSocketDisable

    ControlSocketDisable.default = True


def incoming(request: Request) -> Incoming:
    """Convert a flask request to plain data. A body longer than the limit is not read.

    Raises ClientDisconnected if the body ends too early: what has come of it might mean something else."""
    from werkzeug.exceptions import ClientDisconnected

    headers = {name.lower(): value for name, value in request.headers.items()}
    limit = body_limits.body_limit(request.method, request.path, headers, request.args.get("token", ""))
    if request.content_length is None:  # chunked, so the length is unknown
        body = request.stream.read(limit + 1)
    elif request.content_length > limit:
        body = b"\0" * (limit + 1)
    else:
        body = request.get_data(cache=True)
        if len(body) < request.content_length:
            raise ClientDisconnected
    return Incoming(
        request.method,
        request.path,
        headers,
        request.args.to_dict(flat=False),
        body,
        cut=len(body) > limit,
    )


def unread(request: Request, parsed: Incoming) -> None:
    """Read and discard a little of a body that exceeds the limit. Nothing can follow on its connection, and a client
    that still sends when it closes would not see the answer."""
    if parsed.cut:
        request.stream.read(DRAINED)


def respond(reply: Reply, *, last: bool = False) -> Response:
    """The reply as a flask response. After the `last` reply the server closes the connection and announces it."""
    from flask import Response

    class Closing(Response):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            server: Any = getattr(start_response, "__self__", None)
            if hasattr(server, "force_close"):  # gunicorn sends a Connection header of its own
                server.force_close()
            return super().__call__(environ, start_response)

    body = reply.body if reply.stream is None else _on_this_thread(reply.stream)
    headers = reply.headers | {"Connection": "close"} if last else reply.headers
    return (Closing if last else Response)(body, reply.status, headers)


def _on_this_thread(subscription: Subscription) -> Iterator[str]:
    """A stream on a server that only has threads: each stream occupies one (`asgi_app` needs none)."""
    from shared.triggers.streaming.threaded import ThreadedStream

    return ThreadedStream(subscription)
