"""The JSON-RPC client against an HTTP server that misbehaves: limits hold, and no error contains a URL."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.chain.endpoints import Endpoint
from shared.chain.errors import Ambiguous, NonceTooLow, OutOfTime, RateLimited, Unreachable
from shared.chain.rpc import RpcClient

SECRET = "s3cr3t-api-key"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    behave: Any
    connections = 0

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
        self.server.behave(self, body)

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[RpcClient]:
    url = f"http://user:{SECRET}@127.0.0.1:{server.server_port}/v3/{SECRET}?key={SECRET}"
    one = RpcClient("local#0", url, max_bytes=100_000)
    yield one
    one.close()


def result(value: Any):
    return lambda handler, body: handler.answer({"jsonrpc": "2.0", "id": body["id"], "result": value})


def test_one_connection_serves_many_calls_with_key_and_path(server, client) -> None:
    seen = []

    def behave(handler: Handler, body: Any) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        handler.answer({"id": 1, "result": "0x1"})

    server.behave = behave
    assert [client.call("eth_blockNumber", []) for _ in range(20)] == ["0x1"] * 20
    assert server.connections == 1
    path, authorization = seen[0]
    assert path == f"/v3/{SECRET}?key={SECRET}"
    assert authorization.startswith("Basic ")


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (lambda h, b: h.answer({}, 429), RateLimited),
        (lambda h, b: h.answer(b"<html>bad gateway</html>", 502), Unreachable),
        (lambda h, b: h.answer([], 503), Unreachable),
        (lambda h, b: h.answer(b"{"), Unreachable),
        (lambda h, b: h.answer([1]), Unreachable),
        (lambda h, b: h.answer({"id": 1}), Unreachable),
        (lambda h, b: h.answer({"id": 1, "result": "x" * 200_000}), Unreachable),
        (
            lambda h, b: h.answer(gzip.compress(b'"' + b"x" * 5_000_000 + b'"'), Content_Encoding="gzip"),
            Unreachable,
        ),
        (lambda h, b: h.connection.close(), Unreachable),
        (lambda h, b: h.answer(b"[" * 60_000), Unreachable),
        (lambda h, b: h.answer({"id": 1, "error": [[]]}), Ambiguous),
        (lambda h, b: h.answer({"id": 1, "error": {"message": {"nonce too low": 1}}}), Ambiguous),
        (lambda h, b: h.answer({}, 302, Location="http://127.0.0.1:1/"), Unreachable),
        (
            lambda h, b: h.answer({"id": 1, "error": {"code": -32000, "message": "nonce too low"}}),
            NonceTooLow,
        ),
        (
            lambda h, b: h.answer({"id": 1, "error": {"code": -32000, "message": "nonce too low"}}, 500),
            NonceTooLow,
        ),
        (lambda h, b: h.answer({"id": 1, "error": "too many requests"}), RateLimited),
    ],
)
def test_misbehaviour_is_mapped_and_tells_no_url(server, client, behave, failure, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    server.behave = behave
    with pytest.raises(failure) as caught:
        client.call("eth_blockNumber", [], 2.0)  # one of them never answers
    told = repr(caught.value) + str(caught.value) + repr(client) + caplog.text
    assert SECRET not in told
    assert "127.0.0.1" not in told
    assert caught.value.__cause__ is None


def test_the_callers_deadline_caps_a_call(server) -> None:
    over = threading.Event()
    server.behave = lambda handler, body: over.wait(30)
    url = f"http://127.0.0.1:{server.server_port}"
    late = RpcClient("local#0", url, remaining=lambda: 0.0)
    short = RpcClient("local#0", url, remaining=lambda: 0.2)
    started = time.monotonic()
    for one in (late, short):
        with pytest.raises(Unreachable):
            one.call("eth_blockNumber", [])
        one.close()
    assert time.monotonic() - started < 8, "an exchange alone may take ten seconds"
    over.set()


def test_callers_without_time_do_not_make_an_endpoint_rest(server) -> None:
    """A client's own deadline of milliseconds, three times, and all others had to do without this endpoint."""
    over = threading.Event()
    server.behave = lambda handler, body: over.wait(30)
    rpc = RpcClient("local#0", f"http://127.0.0.1:{server.server_port}", remaining=lambda: 0.01)
    endpoint = Endpoint(rpc, 31337)
    for _ in range(4):
        with pytest.raises(OutOfTime):
            endpoint.call("eth_blockNumber", [])
    assert endpoint.healthy
    over.set()
    rpc.close()


def test_batches_are_matched_by_id_and_failures_stay_single(server, client) -> None:
    def behave(handler: Handler, body: Any) -> None:
        answers = [{"id": call["id"], "result": call["params"][0]} for call in reversed(body)]
        answers[0] = {"id": answers[0]["id"], "error": {"code": -32000, "message": "nonce too low"}}
        del answers[1]
        handler.answer(answers)

    server.behave = behave
    first, *middle, lost, refused = client.batch([("m", [n]) for n in range(5)])
    assert [first, *middle] == [0, 1, 2]
    assert isinstance(lost, Unreachable)
    assert isinstance(refused, NonceTooLow)


@pytest.mark.parametrize("odd", [[], {}, "1", None, 1.5])
def test_an_odd_id_is_nobodys_answer(server, client, odd) -> None:
    server.behave = lambda h, b: h.answer([{"id": odd, "result": 7}, {"id": 0, "result": 8}])
    first, second = client.batch([("m", [])] * 2)
    assert first == 8
    assert isinstance(second, Unreachable)


def test_what_a_node_says_is_looked_at_in_part_only(server, client) -> None:
    server.behave = lambda h, b: h.answer({"id": 1, "error": {"message": "m" * 50_000 + "nonce too low"}})
    with pytest.raises(Ambiguous) as caught:
        client.call("eth_blockNumber", [])
    assert len(caught.value.text) == 4_096


def test_a_batch_refused_as_a_whole(server, client) -> None:
    server.behave = lambda h, b: h.answer(
        {"id": None, "error": {"code": -32005, "message": "limit exceeded"}}
    )
    with pytest.raises(RateLimited):
        client.batch([("m", [])] * 2)


@pytest.mark.parametrize("url", ["ftp://host/KEY", "not a url KEY", "http://", "http://[KEY"])
def test_an_unusable_url_is_refused_without_telling_it(url) -> None:
    with pytest.raises(ValueError, match="RPC URL of x") as failure:
        RpcClient("x", url)
    assert "KEY" not in str(failure.value)


def test_nobody_there_is_unreachable() -> None:
    client = RpcClient("local#0", "http://127.0.0.1:9/" + SECRET)
    with pytest.raises(Unreachable, match=r"local#0: \w+$"):
        client.call("eth_blockNumber", [], timeout=1)
    client.close()
