"""The client of a company's screening against an HTTP server that misbehaves: only a clear yes in time allows a
payout."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared import resources
from shared.adapters.screening import (
    _CONNECTIONS,
    MAX_REASON,
    AllowAll,
    HttpScreening,
    Payout,
    ScreeningUnavailable,
    Verdict,
)
from shared.runtime.context import Context, deadline_in, running
from shared.settings import load

PAYOUT = Payout("local", "0x" + "Ab" * 20, "0.75", "ETH", "clm_1")
YES = {"allowed": True}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    behave: Callable[[Handler], None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Any]] = []
        self.connections = 0
        self.done = threading.Event()  # released to let a slow answer continue

    def handle_error(self, *_: Any) -> None:
        """Print nothing: clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        self.server.behave(self)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, None))
        self.answer(YES)

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.done.set()
    one.shutdown()
    thread.join()
    one.server_close()


def client(server: Server, timeout: float = 5.0) -> HttpScreening:
    return HttpScreening(f"http://127.0.0.1:{server.server_port}/screen?tenant=a", timeout)


def test_by_default_everybody_is_paid() -> None:
    with resources.override(fresh=True, settings=load({})):
        assert isinstance(resources.screening(), AllowAll)
        assert resources.screening().ask(PAYOUT) == Verdict(True)


def test_a_named_service_is_asked_over_one_connection(server: Server) -> None:
    server.behave = lambda handler: handler.answer(YES)
    url = f"http://127.0.0.1:{server.server_port}/screen?tenant=a"
    with resources.override(fresh=True, settings=load({"SCREENING_URL": url})):
        verdicts = [resources.screening().ask(PAYOUT) for _ in range(3)]
    assert verdicts == [Verdict(True)] * 3
    asked = {"chain": "local", "address": PAYOUT.address, "amount": "0.75", "currency": "ETH"}
    assert server.asked == [("/screen?tenant=a", {**asked, "claim_id": "clm_1"})] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("listed", "listed"), (None, ""), (7, ""), ("a\x00\ud800\nb", "ab"), ("x" * 999, "x" * MAX_REASON)],
)
def test_a_refusal_comes_with_a_reason_that_can_be_stored(server: Server, reason: Any, kept: str) -> None:
    server.behave = lambda handler: handler.answer({"allowed": False, "reason": reason})
    assert client(server).ask(PAYOUT) == Verdict(False, kept)


@pytest.mark.parametrize(
    "behave",
    [
        lambda h: h.answer(YES, 500),
        lambda h: h.answer(YES, 201),
        lambda h: h.answer(YES, 403),
        lambda h: h.answer(b""),
        lambda h: h.answer(b"<html>"),
        lambda h: h.answer(b'{"allowed": true'),
        lambda h: h.answer(b"\xff\xfe"),
        lambda h: h.answer(b"[" * 60_000),
        lambda h: h.answer([True]),
        lambda h: h.answer({}),
        lambda h: h.answer({"allowed": 1}),
        lambda h: h.answer({"allowed": "true"}),
        lambda h: h.answer({"allowed": True, "reason": "x" * 100_000}),
        lambda h: h.answer(YES, 302, Location="/elsewhere"),
        lambda h: h.answer(YES, 307, Location="/elsewhere"),
        lambda h: h.connection.close(),
    ],
)
def test_what_is_no_clear_answer_allows_nothing_and_is_asked_once(
    server: Server, behave: Callable[[Handler], None]
) -> None:
    server.behave = behave
    with pytest.raises(ScreeningUnavailable) as caught:
        client(server, timeout=2.0).ask(PAYOUT)  # one of them never answers
    assert (caught.value.status, caught.value.retry_after) == (503, 5.0)
    assert [path for path, _ in server.asked] == ["/screen?tenant=a"]


def test_a_service_that_is_not_there_allows_nothing(server: Server) -> None:
    gone = Server()
    gone.server_close()
    with pytest.raises(ScreeningUnavailable):
        client(gone).ask(PAYOUT)


def test_failures_use_up_no_connections(server: Server) -> None:
    one = client(server)
    server.behave = lambda handler: handler.answer(YES, 500)
    for _ in range(_CONNECTIONS + 1):
        with pytest.raises(ScreeningUnavailable):
            one.ask(PAYOUT)
    server.behave = lambda handler: handler.answer(YES)
    assert one.ask(PAYOUT) == Verdict(True)


def silent(handler: Handler) -> None:
    handler.server.done.wait()  # forever: a client that waits hangs the test


def test_time_is_bounded(server: Server) -> None:
    server.behave = silent
    with pytest.raises(ScreeningUnavailable):
        client(server, timeout=0.2).ask(PAYOUT)
    assert not server.done.is_set()  # the client stopped, not the server


def test_time_is_bounded_by_what_is_left_of_the_request(server: Server) -> None:
    server.behave = silent
    context = Context("process_claim", "req_1", deadline_in(0.2))
    with running(context), pytest.raises(ScreeningUnavailable):
        client(server, timeout=600).ask(PAYOUT)
    assert not server.done.is_set()


@pytest.mark.parametrize(
    ("environment", "url", "right"),
    [
        ("prod", "", True),
        ("prod", "https://screening.example.com/v1", True),
        ("prod", "http://screening.example.com/v1", False),
        ("prod", "https://somebody@screening.example.com", False),
        ("prod", "https://", False),
        ("prod", "https://[", False),
        ("prod", "https://host:x", False),
        ("prod", " ", False),
        ("local", "http://127.0.0.1:9", True),
        ("local", "ftp://127.0.0.1:9", False),
    ],
)
def test_the_url_is_https_but_locally(environment: str, url: str, right: bool) -> None:
    env = {"ENVIRONMENT": environment, "GOOGLE_CLOUD_PROJECT": "p", "FINGERPRINT_KEY": "k"}
    if right:
        assert load({**env, "SCREENING_URL": url}).screening_url == url
        return
    with pytest.raises(ValueError, match="SCREENING_URL must be") as caught:
        load({**env, "SCREENING_URL": url})
    assert "somebody" not in str(caught.value)
