"""The entry point of event streams: an asynchronous server for the operations of FUNCTION_TARGET on HOST and PORT.

    FUNCTION_TARGET=trust_streams PORT=8080 python -m functions.stream_server

It can serve any operation, but is made for answers that stay open: they need no thread, even if there are thousands.
"""

from __future__ import annotations

import os
import sys

from shared.runtime import operation
from shared.telemetry import logs

GRACE_SECONDS = 8  # for running requests after the stop signal; Cloud Run waits ten


def main() -> int:
    logs.configure()
    from shared.triggers import asgi_app

    app = asgi_app.App(
        operation.targeted(os.environ.get("FUNCTION_TARGET", "")), int(os.environ.get("THREADS", "16"))
    )
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))  # noqa: S104 - in a container
    asgi_app.run(app, grace=GRACE_SECONDS, host=host, port=port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
