"""A test's own server, or the product on a port of its own, as an origin that a browser can open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emulators import gateway


@contextmanager
def origin(server: Any) -> Iterator[str]:
    """Serve the origin while the block runs; returns its URL."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def product() -> Iterator[str]:
    """Serve all operations of this process's product while the block runs; returns the URL before `/api/v1`."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        """Its log would go to what was captured for the first test that served something, and is closed since."""

        def log(self, *what: object) -> None:
            pass

    app = gateway.make_app()
    with origin(make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)) as url:
        yield url.replace("localhost", "127.0.0.1")
