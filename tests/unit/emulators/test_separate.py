"""The gateway of separate processes forwards a request although the server closes its connection."""

from __future__ import annotations

import socket
import threading

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
