"""Servers that drip: even if an answer comes byte by byte, a call ends in time and leaves nothing behind."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared.adapters.screening import HttpScreening, Payout, ScreeningUnavailable
from shared.chain.client import ChainClient
from shared.chain.errors import Unreachable
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient

SECONDS = 0.3  # limit of a call
LATE = 6.0  # the latest end, on a busy machine; the server would continue for ten seconds
PAYOUT = Payout("local", "0x" + "Ab" * 20, "0.75", "ETH", "clm_1")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
# The part that comes at once, and the part that then comes byte by byte for as long as somebody listens.
DRIPS = {
    "status line": (b"", b"H"),
    "header": (OK, b"a"),
    "headers": (OK, b"a: b\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "body without length": (OK + b"\r\n", b" "),
    "size of a chunk": (CHUNKED, b"0"),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
}


class Server:
    """Answers every request with `at_once`, then `drip` repeatedly, `step` bytes each `pause` seconds."""

    def __init__(self, at_once: bytes, drip: bytes, pause: float = 0.02, step: int = 1) -> None:
        self._at_once, self._drip, self._pause, self._step = at_once, drip, pause, step
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.serving: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            thread.start()
            self.serving.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        until = time.monotonic() + 10
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self._at_once)
            position = 0
            while time.monotonic() < until:
                piece = [self._drip[(position + n) % len(self._drip)] for n in range(self._step)]
                connection.sendall(bytes(piece))
                position = (position + self._step) % len(self._drip)
                time.sleep(self._pause)

    def left(self) -> bool:
        """Tell whether all clients hung up before its ten seconds are over: the server then stops by itself."""
        for thread in self.serving:
            thread.join(LATE)
        return not any(thread.is_alive() for thread in self.serving)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()


@contextlib.contextmanager
def serving(*given: object) -> Iterator[Server]:
    server = Server(*given)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def ask_node(port: int, scheme: str = "http") -> None:
    client = RpcClient("local#0", f"{scheme}://127.0.0.1:{port}")
    try:
        with pytest.raises(Unreachable, match=r"^local#0: "):
            client.call("eth_blockNumber", [], timeout=SECONDS)
    finally:
        client.close()


def ask_screening(port: int) -> None:
    with pytest.raises(ScreeningUnavailable):
        HttpScreening(f"http://127.0.0.1:{port}/", SECONDS).ask(PAYOUT)


@pytest.mark.parametrize("ask", [ask_node, ask_screening])
@pytest.mark.parametrize("drip", DRIPS)
def test_a_call_ends_in_its_time(drip: str, ask: Callable[[int], None]) -> None:
    before = set(threading.enumerate())
    with serving(*DRIPS[drip]) as server:
        started = time.monotonic()
        ask(server.port)
        assert time.monotonic() - started < LATE
        assert server.left()
    assert set(threading.enumerate()) == before


def test_a_handshake_that_drips_ends_too() -> None:
    record = b"\x16\x03\x03\x40\x00"  # TLS: a handshake's record of 16 KiB
    with serving(record, b"\0") as server:
        started = time.monotonic()
        ask_node(server.port, "https")
        assert time.monotonic() - started < LATE
        assert server.left()


@pytest.mark.parametrize("drip", ["headers", "continue", "chunks", "body without length"])
def test_an_answer_that_never_ends_is_given_up_for_its_size(drip: str) -> None:
    at_once, endless = DRIPS[drip]
    if drip == "headers":
        endless = b"a: " + b"b" * 60_000 + b"\r\n"
    with serving(at_once, endless, 0.0, 4096) as server:
        client = RpcClient("local#0", f"http://127.0.0.1:{server.port}", max_bytes=100_000)
        with pytest.raises(Unreachable, match="too large"):
            client.call("eth_blockNumber", [])
        client.close()
        assert server.left()


def test_a_quorum_of_dripping_endpoints_keeps_no_thread() -> None:
    """It makes more consecutive calls than the pool of two endpoints has threads."""
    with serving(*DRIPS["header"]) as one, serving(*DRIPS["chunks"]) as other:
        urls = [f"http://127.0.0.1:{server.port}" for server in (one, other)]
        client = ChainClient.connect(Registry.DEFAULT.chain("local"), urls, remaining=lambda: 0.1)
        started = time.monotonic()
        for _ in range(10):
            with pytest.raises(Unreachable):
                client.chain_id()
        assert time.monotonic() - started < 2 * LATE, "without a limit each call takes ten seconds"
        client.close()
        assert one.left() and other.left()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("rpc")]
