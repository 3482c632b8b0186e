"""The local gateway: every operation on one port, Pub/Sub pushes, and the scheduler.

    python -m emulators.gateway        (PORT, PUSH_TOKEN and the emulators' variables set)

What the load balancer's URL map, the push subscriptions and Cloud Scheduler do in production. Routes come from the
catalog; nothing is listed here. One gunicorn worker with threads, as functions-framework serves a function.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared import operation, telemetry
from shared.http import Incoming, Reply, as_refusal, error_body
from shared.operation import Operation

if TYPE_CHECKING:
    from flask import Flask, Request

THREADS = int(os.environ.get("GATEWAY_THREADS", "32"))


class Router:
    """Finds the operation that a path belongs to."""

    def __init__(self, operations: dict[str, Operation]) -> None:
        self._operations = operations
        self._fixed: dict[str, Operation] = {}
        self._patterns: list[tuple[str, Any, Operation]] = []
        for entry in operations.values():
            for trigger in entry.https:
                if "{" in trigger.path:
                    self._patterns.append((trigger.method, trigger.pattern, entry))
                else:
                    self._fixed[f"{trigger.method} {trigger.path}"] = entry

    def find(self, method: str, path: str) -> Operation | None:
        """The operation for this method and path, else any that knows the path (it answers 405), else None."""
        head, _, name = path.lstrip("/").partition("/")
        if head in ("push", "schedule"):
            return self._operations.get(name)
        exact = self._fixed.get(f"{method} {path}")
        if exact is not None:
            return exact
        known = None
        for wanted, pattern, entry in self._patterns:
            if pattern.match(path):
                if wanted == method:
                    return entry
                known = entry
        return known or next((entry for key, entry in self._fixed.items() if key.endswith(f" {path}")), None)


def make_app() -> Flask:
    """The WSGI application."""
    from flask import Flask, request

    from emulators import exposition
    from shared import web

    exposition.registry()

    app = Flask("gateway", static_folder=None)
    router = Router(operation.catalog())
    needs = frozenset().union(*(entry.needs for entry in operation.catalog().values()))

    @app.route("/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def everything(path: str) -> Any:
        return web.respond(_answer(router, needs, request))

    return app


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def _answer(router: Router, needs: frozenset[str], request: Request) -> Reply:
    from emulators import exposition
    from shared import readiness, web
    from shared.clock import new_id
    from shared.domain.errors import NotFound

    incoming: Incoming = web.incoming(request)
    if incoming.path == "/healthz":
        return Reply(200, '{"status": "ok"}', {"Content-Type": "application/json"})
    if incoming.path == "/metrics":
        return Reply(200, exposition.text(), {"Content-Type": exposition.CONTENT_TYPE})
    if incoming.path == "/readyz":
        return readiness.reply(needs)
    found = router.find(incoming.method, incoming.path)
    if found is None:
        body = json.dumps(
            {"error": error_body(as_refusal(NotFound("There is no such route.")), new_id("req"))}
        )
        return Reply(404, body, {"Content-Type": "application/json"})
    return web.dispatch(found, incoming)


def serve(port: int, started: Callable[[], None]) -> None:
    """Run gunicorn until it is told to stop; `started` runs in the worker once it serves."""
    from gunicorn.app.base import BaseApplication

    class Gateway(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            settings = {
                "bind": f"127.0.0.1:{port}",
                "worker_class": "gthread",
                "threads": THREADS,
                "timeout": 0,
                "graceful_timeout": 3,
                "keepalive": 75,
                "worker_connections": 2000,
                "loglevel": "warning",
                "post_worker_init": lambda worker: started(),
            }
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return make_app()

    Gateway().run()


def main() -> int:
    telemetry.configure()
    port = int(os.environ.get("PORT", "8080"))
    os.environ.setdefault("PUSH_TOKEN", "")

    def started() -> None:
        from emulators import scheduler, topics

        topics.provision(port, os.environ["PUSH_TOKEN"])
        scheduler.start(port, os.environ["PUSH_TOKEN"])

    serve(port, started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
