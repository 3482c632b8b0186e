"""Find free ports and reserve them, so that no other stack on this machine takes them.

gRPC servers listen with SO_REUSEPORT: two emulators started on one port would both start and silently share its
connections. So a file lock holds every port. The child inherits the lock, which is freed when its last process ends.
The lock also shows whether a background child is still alive, without a process id that could belong to another.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators import file_lock

# Below the range of outgoing ports of every system, so that no client connection takes one between check and use.
_LOWEST, _HIGHEST = 20_000, 32_000


@contextmanager
def reserve(port: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield (port, lock descriptor). A child that inherits the descriptor keeps the port after the block.

    Raises OSError if the given port, or every port tried, is taken.
    """
    for candidate in [port] if port else random.sample(range(_LOWEST, _HIGHEST), 200):
        lock = _lock(candidate)
        if lock is None:
            continue
        try:
            if _unused(candidate):
                yield candidate, lock
                return
        finally:
            os.close(lock)
    raise OSError(f"port {port} is taken" if port else "no free port found")


def held(port: int) -> bool:
    """Whether a child that was given this port is still alive."""
    lock = _lock(port)
    if lock is None:
        return True
    os.close(lock)
    return False


def _lock(port: int) -> int | None:
    folder = Path(tempfile.gettempdir()) / f"wallet-backend-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    if file_lock.acquired(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
