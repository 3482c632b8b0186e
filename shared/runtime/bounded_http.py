"""POST to foreign servers with limits: an exchange ends in time, even if the server sends slowly, and no answer is too
large.

urllib3 only limits the wait for each next byte, so a server that sends one byte per second would hold a call forever.
Here one deadline covers the whole exchange: waiting for a connection, connecting to each of a host's addresses, TLS,
sending, headers and body. Only the resolver of host names has its own time limit. This needs no thread, so none is
left behind.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

_PIECE: Final = 16 * 1024  # bytes sent at once; the wait restarts with each TLS record
_BLOCK: Final = 256 * 1024  # maximum bytes read at once
MAX_HEAD: Final = 64 * 1024  # of an answer's headers, if only its status matters
BODY_SECONDS: Final = 1.0  # to wait for such an answer's body
_TOO_LARGE: Final = "the answer is too large"


class NoAnswer(Exception):
    """The exchange failed. The text names the reason, but neither host nor path."""


class AnswerTooLong(NoAnswer):
    """The answer is longer than the limit; the rest was not read."""


Resolve = Callable[[str, int], list[Any]]  # (host, port) → as from socket.getaddrinfo; raises OSError


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; `beginning` is the first part of the body, as received."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes


def _addresses(host: str, port: int) -> list[Any]:
    """The addresses of a host. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is not allowed in a host name
        raise OSError("not a host name") from None


@dataclass(slots=True)
class _Bounds:
    until: float  # on the monotonic clock
    bytes_left: int
    resolve: Resolve = _addresses
    unresolved: str = ""  # the resolver's error

    def seconds(self) -> float:
        """The remaining time. Raises TimeoutError if it is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange takes too long")
        return left


_bounds: ContextVar[_Bounds] = ContextVar("bounds")  # of the exchange in this thread


def connections(scheme: str, host: str, port: int | None, most: int) -> HTTPConnectionPool:
    """A pool of at most `most` connections to one server; further exchanges wait for a free one."""
    pool = _HttpsPool if scheme == "https" else _HttpPool
    return pool(host, port, maxsize=most, block=True)


def post(
    pool: HTTPConnectionPool,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float,
    most: int,
) -> tuple[int, bytes]:
    """Returns (status, body) within `seconds`. The body has at most `most` bytes, both compressed and unpacked.
    Follows no redirect and repeats nothing. Raises NoAnswer."""
    bounds = _Bounds(time.monotonic() + seconds, most)
    with _exchange(pool, path, body, headers, bounds) as response:
        return response.status, _read(response, most)


def deliver(
    pool: HTTPConnectionPool,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float,
    beginning: int,
    resolve: Resolve,
) -> Answered:
    """`post` for callers that only need the status: reads only the beginning of the body, for one second at most.
    Connects to the addresses that `resolve` returns. Raises NoAnswer; if `resolve` fails, with the text of its error.
    """
    bounds = _Bounds(time.monotonic() + seconds, MAX_HEAD + beginning, resolve)
    with _exchange(pool, path, body, headers, bounds) as response:
        bounds.until = min(bounds.until, time.monotonic() + BODY_SECONDS)
        return Answered(response.status, dict(response.headers), _beginning(response, beginning))


@contextmanager
def _exchange(
    pool: HTTPConnectionPool,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    bounds: _Bounds,
) -> Iterator[BaseHTTPResponse]:
    """Yields the answer; the block must read its body. Raises NoAnswer, also for failures in the block."""
    token = _bounds.set(bounds)
    try:
        seconds = bounds.seconds()
        response = pool.urlopen(
            "POST",
            path,
            body=body,
            headers=headers,
            timeout=seconds,
            pool_timeout=seconds,  # type: ignore[arg-type]  # urllib3 says int; its queue takes any
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            yield response
        except BaseException:
            response.close()  # the next request must not receive the rest of this answer
            raise
        finally:
            response.release_conn()
    except (HTTPError, OSError) as error:
        raise _failure(error, bounds) from None
    finally:
        _bounds.reset(token)


def _failure(error: Exception, bounds: _Bounds) -> NoAnswer:
    if bounds.bytes_left < 0:
        return AnswerTooLong(_TOO_LARGE)
    return NoAnswer(bounds.unresolved or type(error).__name__)


def _beginning(response: BaseHTTPResponse, most: int) -> bytes:
    """The first bytes of the body, as far as they arrive; then the connection is closed, unless that was the whole
    body."""
    parts: list[bytes] = []
    left, complete = most, False
    with suppress(HTTPError, OSError):  # the status is already known
        while left > 0 and not complete:
            part = response.read1(left, decode_content=False)
            parts.append(part)
            left, complete = left - len(part), not part
    if not complete:
        response.close()
    return b"".join(parts)


def _read(response: BaseHTTPResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(_BLOCK, decode_content=True):  # does not wait for a full buffer
        size += len(part)
        if size > most:
            raise AnswerTooLong(_TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


class _Incoming(io.RawIOBase):
    """The bytes that a socket receives; each read waits for the remaining time of the exchange."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock, self._bounds = raw, sock, _bounds.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._bounds.seconds())
        count: int | None = self._raw.readinto(buffer)
        self._bounds.bytes_left -= count or 0
        if self._bounds.bytes_left < 0:
            raise OSError(_TOO_LARGE)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp = io.BufferedReader(_Incoming(self.fp.detach(), sock))


class _Bounded(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        """A connection to the first of the host's addresses that accepts it; one deadline covers all of them."""
        failure: OSError = OSError("the host has no address")
        for family, kind, protocol, _, address in self._resolved():
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(_bounds.get().seconds())
                sock.connect(address)
                sock.settimeout(_bounds.get().seconds())  # for the TLS handshake
                return sock
            except OSError as error:
                sock.close()
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "time-out")
        raise NewConnectionError(self, type(failure).__name__)

    def _resolved(self) -> list[Any]:
        bounds = _bounds.get()
        try:
            return bounds.resolve(self._dns_host, self.port)
        except OSError as error:
            if bounds.resolve is not _addresses:
                bounds.unresolved = str(error)
            raise

    def send(self, data: bytes) -> None:  # type: ignore[override]
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(_bounds.get().seconds())
            self.sock.sendall(data[start : start + _PIECE])


class _BoundedTls(_Bounded, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTls
