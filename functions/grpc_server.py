"""The gRPC entry point: serves the operations of FUNCTION_TARGET (by default all) on HOST and PORT, by h2c.

    FUNCTION_TARGET=trust_public_writes PORT=8080 python -m functions.grpc_server

On Cloud Run, each trust has a service with the same image, this command and `--use-http2`.
"""

from __future__ import annotations

import os
import sys

from shared.runtime import operation
from shared.telemetry import logs

GRACE_SECONDS = 8.0  # for running calls after the stop signal; Cloud Run waits ten


def main() -> int:
    logs.configure()
    from shared.triggers.rpc import server

    host, port = os.environ.get("HOST", "0.0.0.0"), os.environ.get("PORT", "8080")  # noqa: S104 - in a container
    threads = int(os.environ.get("THREADS", "16"))
    server.run(
        operation.targeted(os.environ.get("FUNCTION_TARGET", "")), f"{host}:{port}", threads, GRACE_SECONDS
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
