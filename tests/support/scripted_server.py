"""A server with scripted answers, over real sockets: it tests what a client does if answers are late, odd or absent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One received request; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True)
class Answer:
    """One answer. `pieces` are written one by one, with a `pause` (seconds) after each; `drop`: no answer at all."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = ()
    pause: float = 0.0
    drop: bool = False


def refusal(status: int, code: str, **headers: str) -> Answer:
    error = {
        "code": code,
        "message": "No.",
        "details": [],
        "data": {},
        "request_id": "req_1",
        "doc_url": "/d",
    }
    return Answer(
        status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()}
    )


DROP = Answer(drop=True)
Script = Callable[[Request], Answer]


@dataclass
class Scripted:
    """The next answers, and the requests so far."""

    url: str = ""
    script: Script = lambda _: refusal(500, "INTERNAL")
    requests: list[Request] = field(default_factory=list)

    def play(self, *answers: Answer) -> None:
        """Give these answers, in order; then repeat the last one."""
        left = list(answers)
        self.requests.clear()
        self.script = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def follow(self, script: Script) -> None:
        self.requests.clear()
        self.script = script


@contextmanager
def serving() -> Iterator[Scripted]:
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body, time.monotonic())
            scripted.requests.append(request)
            answer = scripted.script(request)
            self.close_connection = True
            if not answer.drop:
                self.write(answer)

        def write(self, answer: Answer) -> None:
            content = b"" if answer.body is None else json.dumps(answer.body).encode()
            pieces = answer.pieces or (content,)
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            if not answer.pieces:
                self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()
                    time.sleep(answer.pause)
            except OSError:
                return  # the client closed the connection

        do_GET = do_POST = do_PUT = do_DELETE = take

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
