"""The gateway of separate processes loses no request and no answer, and forwards paths and bodies unchanged."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from flask import Flask, request

from emulators import separate

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _answers_once_a_connection(listening: socket.socket) -> None:
    """Acts like a gunicorn whose keep-alive time ends while the next request is on its way."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer_once, args=(connection,), daemon=True).start()


def _answer_once(connection: socket.socket) -> None:
    with connection:
        if connection.recv(65536):
            connection.sendall(ANSWER)
            connection.recv(65536)


def test_a_server_that_closes_a_kept_connection_loses_no_request() -> None:
    app = Flask(__name__)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answers_once_a_connection, args=(listening,), daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        forward = separate.view({separate.HOME: address})
        for _ in range(3):
            with app.test_request_context("/nobody-serves-this", method="POST", data=b"{}"):
                answer = forward(request)  # type: ignore[arg-type]
                assert (answer.status_code, answer.get_data()) == (200, b"ok")


class _Server(ThreadingHTTPServer):
    request_queue_size = 64


class _Echo(BaseHTTPRequestHandler):
    """Answers with the request line and the body."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(409)
        self.send_header("X-Path", self.path)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(self.path.encode() + b" " + body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_many_at_once_each_get_their_own_answer() -> None:
    """And paths, queries, repeated headers and bodies arrive as they were sent."""
    app = Flask(__name__)
    with _Server(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        forward = separate.view({separate.HOME: f"http://127.0.0.1:{server.server_port}"})

        def told(number: int) -> bytes:
            place = f"/nobody-serves-this/{number}%20%C3%A9?after=%2B{number}"
            with app.test_request_context(place, method="POST", data=b"%d" % number):
                answer = forward(request)  # type: ignore[arg-type]
                assert answer.status_code == 409
                assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
                return bytes(answer.get_data())

        with ThreadPoolExecutor(32) as pool:
            for number, text in enumerate(pool.map(told, range(640))):
                assert text.decode() == f"/nobody-serves-this/{number}%20%C3%A9?after=%2B{number} {number}"
        server.shutdown()
