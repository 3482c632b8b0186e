"""Webhook receivers on this machine: real servers that accept, fail, stall, redirect, drip or answer garbage."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook as Verifier


@dataclass(frozen=True)
class Got:
    """One request: the time when it was complete, its headers (lower case) and body."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> dict[str, object]:
        """Return the verified event. Raises WebhookVerificationError, from the reference library."""
        found: dict[str, object] = Verifier(secret).verify(self.body, dict(self.headers))
        return found


Behaviour = Callable[[socket.socket, Got], None]


def answer(status: int, body: bytes = b"ok", **headers: str) -> Behaviour:
    """Answer `status` with these headers; underscores in their names become hyphens."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda sock, got: sock.sendall(raw)


def stall(sock: socket.socket, got: Got) -> None:
    """Send nothing for as long as the caller waits."""
    sock.settimeout(60)
    sock.recv(1)


def drip(sock: socket.socket, got: Got) -> None:
    """Send a byte of the headers every 200 ms, for a minute."""
    for each in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 300:
        sock.sendall(bytes([each]))
        time.sleep(0.2)


def drip_body(sock: socket.socket, got: Got) -> None:
    """Accept at once, and drip an endless body."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(300):
        sock.sendall(b"z")
        time.sleep(0.2)


def flood(sock: socket.socket, got: Got) -> None:
    """Accept, and answer 50 MB."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
    for _ in range(500):
        sock.sendall(b"f" * 100_000)


def garbage(sock: socket.socket, got: Got) -> None:
    sock.sendall(b"\x00\xff\x1b[31mnot http at all\r\n\r\n")


def headers_flood(sock: socket.socket, got: Got) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        sock.sendall(b"X-%d: %s\r\n" % (number, b"h" * 200))


def hang_up(sock: socket.socket, got: Got) -> None:
    """Close without an answer."""


@dataclass
class Receiver:
    """`behaviour` may change while it runs."""

    port: int
    behaviour: Behaviour
    got: list[Got] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?from=wallet"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.got]


@contextmanager
def receiver(behaviour: Behaviour | None = None) -> Iterator[Receiver]:
    """Run a server for the block; it accepts everything unless its behaviour says otherwise."""
    kept = Receiver(0, behaviour or answer(204, b""))

    class Handler(socketserver.StreamRequestHandler):
        timeout = 30

        def handle(self) -> None:
            kept.connections += 1
            while (got := _read(self.rfile)) is not None:
                kept.got.append(got)
                before = kept.behaviour
                try:
                    before(self.request, got)
                except OSError:
                    return
                if before in (stall, drip, drip_body, flood, garbage, headers_flood, hang_up):
                    return

    with _Server(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield kept
        server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _read(file: object) -> Got | None:
    """The next request of a connection; None if the sender gave up before it was complete."""
    try:
        first = file.readline()  # type: ignore[attr-defined]
        if not first:
            return None
        headers = {}
        while (line := file.readline()) not in (b"", b"\r\n"):  # type: ignore[attr-defined]
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = file.read(length)  # type: ignore[attr-defined]
    except OSError:
        return None
    if line == b"" or len(body) < length:
        return None
    return Got(time.monotonic(), first.decode("latin-1").split(" ")[1], headers, body)
