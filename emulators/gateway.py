"""The local gateway: every operation on one port, Pub/Sub pushes, and the scheduler.

    python -m emulators.gateway        (PORT, PUSH_TOKEN and the emulators' variables set)

In production, the load balancer's URL map, the push subscriptions and Cloud Scheduler do this. All routes come from the
catalog. The gateway is one process: operations run on threads, event streams need none, and gRPC has a separate port
(GRPC_PORT).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.runtime import operation
from shared.telemetry import logs

if TYPE_CHECKING:
    from flask import Flask

    from shared.triggers.asgi_app import App
    from shared.triggers.request_parsing import Incoming

GRACE_SECONDS = 3  # for requests that are under way when it stops
THREADS = int(os.environ.get("GATEWAY_THREADS", "32"))
GRPC_THREADS = 8


def application() -> App:
    """The ASGI application, which also serves streams."""
    from emulators import exposition
    from shared.triggers.asgi_app import App
    from shared.triggers.reply import Reply

    exposition.registry()

    class Gateway(App):
        def _answer(self, incoming: Incoming) -> Reply:
            if incoming.path == "/metrics":
                return Reply(200, exposition.text(), {"Content-Type": exposition.CONTENT_TYPE})
            return super()._answer(incoming)

    return Gateway(served(), THREADS)


def served() -> dict[str, operation.Operation]:
    """The operations of a local run: the catalog and the faucet."""
    from emulators.sandbox import faucet

    return {**operation.catalog(), **faucet.operations()}


def make_app(addresses: dict[str, str] | None = None) -> Flask:
    """The WSGI application; with `addresses`, operations run in separate processes (`emulators.separate`)."""
    from flask import Flask, request

    from emulators import exposition, separate
    from emulators.sandbox import faucet
    from shared.triggers import flask_app

    exposition.registry()

    app = Flask("gateway", static_folder=None)
    view = separate.view(addresses) if addresses else flask_app.serve_all(served())
    sandbox = faucet.operations()
    own = flask_app.serve_all(sandbox)  # no other process serves these
    paths = {trigger.path for entry in sandbox.values() for trigger in entry.https}

    @app.route("/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def everything(path: str) -> Any:
        if request.path == "/metrics":
            return exposition.text(), {"Content-Type": exposition.CONTENT_TYPE}
        return own(request) if addresses and request.path in paths else view(request)

    app.register_error_handler(404, lambda _: view(request))  # for a path that no rule above matches: %0A
    return app


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def serve(port: int, started: Callable[[], None]) -> None:
    """Serve until the process is told to stop; `started` is called as soon as the port accepts connections."""
    from shared.triggers import asgi_app

    with listener(port) as listening:
        started()
        asgi_app.run(application(), grace=GRACE_SECONDS, listening=listening)


def listener(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1.

    It names TCP explicitly, because asyncio turns off Nagle's algorithm only for such sockets. With it, each answer
    would wait 40 ms between head and body for the client's acknowledgement."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(2048)
    return made


def forward(port: int, started: Callable[[], None], addresses: dict[str, str]) -> None:
    """Run gunicorn, which only forwards, behind the front door until the process is told to stop; `started` is called
    in the worker when both serve."""
    from gunicorn.app.base import BaseApplication

    from emulators import front_door, ports, separate

    with ports.reserve() as (inner, _):
        places = separate.places(addresses, inner)

    def stand() -> None:
        front_door.open_doors(port, int(os.environ.get("GRPC_PORT") or 0), places)
        started()

    class Gateway(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            settings = {
                "bind": f"127.0.0.1:{inner}",
                "worker_class": "gthread",
                "threads": THREADS,
                "timeout": 0,
                "graceful_timeout": GRACE_SECONDS,
                "keepalive": 75,
                "worker_connections": 2000,
                "control_socket_disable": True,  # all gateways would share one file in the user's home
                "loglevel": "warning",
                "post_worker_init": lambda worker: _serving(stand),
            }
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return make_app(addresses)

    Gateway().run()


def _deliver() -> None:
    """Start to push the messages of the embedded queue, if there is one."""
    from emulators.deliverer import Deliverer
    from shared.adapters.message_queue import MessageQueue
    from shared.settings import load

    chosen = load()
    if "pubsub" in chosen.embedded:
        Deliverer(MessageQueue(Path(chosen.embedded_file)), chosen.project).start()


def _serving(started: Callable[[], None]) -> None:
    threading.Thread(target=_end_with, args=(os.getppid(),), name="parent", daemon=True).start()
    started()


def _end_with(parent: int) -> None:
    """Kill this worker when its gunicorn is gone; otherwise it would finish its requests, for minutes, on the port that
    the next gateway needs."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    logs.configure()
    port = int(os.environ.get("PORT", "8080"))
    os.environ.setdefault("PUSH_TOKEN", "")
    os.environ.setdefault("WORK_AFTER_ANSWERS", "on")

    def started() -> None:
        from emulators import scheduler, topics

        topics.provision(port, os.environ["PUSH_TOKEN"])
        _deliver()
        if os.environ.get("SCHEDULES") != "off":
            scheduler.start(port, os.environ["PUSH_TOKEN"])

    from emulators import separate

    if os.environ.get(separate.VARIABLE):
        forward(port, started, separate.start())
        return 0
    with ExitStack() as beside:
        if os.environ.get("GRPC_PORT"):
            from shared.triggers.rpc import server

            address = f"127.0.0.1:{os.environ['GRPC_PORT']}"
            beside.enter_context(server.beside(operation.catalog(), address, GRPC_THREADS))
        serve(port, started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
