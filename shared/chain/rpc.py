"""A small JSON-RPC 2.0 client with connection reuse, limits on time and size, and batches; it never reveals URLs.

URLs of hosted nodes contain keys in the host, path or user part. No exception, log line or repr of this module shows
one: endpoints have names such as "ethereum#0".
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.chain.errors import AnswerTooLong, ChainError, OutOfTime, RateLimited, Unreachable, classify

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool

Call = tuple[str, list[Any]]  # method, params
Remaining = Callable[[], float | None]  # seconds until the caller's deadline, or None

TIMEOUT: Final = 10.0  # seconds for one exchange
MAX_BYTES: Final = 32 * 1024 * 1024  # far more than a full block with all receipts
MAX_FROM_CONTRACTS: Final = 4 * 1024 * 1024  # of an answer whose length contracts can choose; in hex
RUNS_CONTRACTS: Final = frozenset({"eth_call", "eth_estimateGas", "eth_simulateV1"})
MAX_TEXT: Final = 4_096  # characters of an error's message
MAX_BATCH: Final = 100  # calls in one HTTP request; hosted nodes refuse more
_CONNECTIONS: Final = 32
_PRECISION: Final = 0.005  # seconds by which a wait for a socket may end early


class Rpc(Protocol):
    """What the pool needs from an endpoint; tests implement nodes that lie."""

    name: str

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any: ...

    def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]: ...

    def close(self) -> None: ...


class RpcClient:
    """JSON-RPC client for one endpoint; safe for threads."""

    def __init__(
        self, name: str, url: str, *, remaining: Remaining | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        """Raises ValueError (without the URL) unless `url` is an http or https URL."""
        from urllib3.util import parse_url

        from shared.runtime import bounded_http

        logging.getLogger("urllib3").setLevel(logging.ERROR)  # its lines contain hosts and paths
        try:
            parsed = parse_url(url)
        except Exception:
            raise ValueError(f"the RPC URL of {name} cannot be read") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"the RPC URL of {name} is not an http(s) URL")
        self.name = name
        self._remaining = remaining or (lambda: None)
        self._max_bytes = max_bytes
        self._path = parsed.request_uri
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if parsed.auth:
            self._headers["Authorization"] = _basic(parsed.auth)
        self._pool: HTTPConnectionPool = bounded_http.connections(
            parsed.scheme, parsed.host, parsed.port, _CONNECTIONS
        )

    def __repr__(self) -> str:
        return f"RpcClient({self.name})"

    def close(self) -> None:
        self._pool.close()

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        """The result of one call. Raises NodeError subclasses, RateLimited, Unreachable."""
        answer = self.exchange({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, timeout)
        result = self._result(answer)
        if isinstance(result, ChainError):
            raise result
        return result

    def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        """Results in the order of `calls`; a failed call has its ChainError in place of a result.

        Raises RateLimited or Unreachable if the whole exchange failed."""
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            results += self._batch(calls[start : start + MAX_BATCH], timeout)
        return results

    def _batch(self, calls: Sequence[Call], timeout: float | None) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        answers = self.exchange(body, timeout)
        if not isinstance(answers, list):  # the batch was refused as a whole
            refusal = self._result(answers)
            raise refusal if isinstance(refusal, RateLimited | Unreachable) else self._garbage()
        by_id = {
            answer["id"]: answer
            for answer in answers
            if isinstance(answer, dict) and isinstance(answer.get("id"), int)
        }
        return [
            self._result(by_id[number]) if number in by_id else self._garbage() for number in range(len(body))
        ]

    def _result(self, answer: Any) -> Any:
        if not isinstance(answer, dict):
            return self._garbage()
        if (error := answer.get("error")) is not None:
            if not isinstance(error, dict):
                return classify(_text(error))
            code = error.get("code")
            text = _text(error.get("message"))
            return classify(text, code if isinstance(code, int) else None, error.get("data"))
        return answer["result"] if "result" in answer else self._garbage()

    def exchange(self, body: Any, timeout: float | None) -> Any:
        """Send one body and return the decoded answer. Raises RateLimited, AnswerTooLong, OutOfTime, Unreachable."""
        from shared.runtime import bounded_http

        seconds = min(wait for wait in (timeout, TIMEOUT, self._remaining()) if wait is not None)
        if seconds <= 0:
            raise OutOfTime(f"{self.name}: no time left")
        until = time.monotonic() + seconds
        text = json.dumps(body, separators=(",", ":")).encode()
        try:
            status, answer = bounded_http.post(
                self._pool, self._path, text, self._headers, seconds=seconds, most=self._most(body)
            )
        except bounded_http.AnswerTooLong as error:
            raise AnswerTooLong(f"{self.name}: {error}") from None
        except bounded_http.NoAnswer as error:
            over = seconds < TIMEOUT and time.monotonic() >= until - _PRECISION
            raise (OutOfTime if over else Unreachable)(f"{self.name}: {error}") from None
        return self._decode(status, answer)

    def _most(self, body: Any) -> int:
        """The maximum number of bytes of the answer. Whoever names a contract must not fill this process's memory."""
        calls = body if isinstance(body, list) else [body]
        if any(one["method"] in RUNS_CONTRACTS for one in calls):
            return min(self._max_bytes, MAX_FROM_CONTRACTS)
        return self._max_bytes

    def _decode(self, status: int, text: bytes) -> Any:
        if status == 429:
            raise RateLimited(f"{self.name}: HTTP 429")
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            raise Unreachable(f"{self.name}: HTTP {status}, not JSON") from None
        if status >= 500 and not (isinstance(answer, dict) and "error" in answer):
            raise Unreachable(f"{self.name}: HTTP {status}")
        return answer

    def _garbage(self) -> Unreachable:
        return Unreachable(f"{self.name}: not a JSON-RPC answer")


def _text(message: Any) -> str:
    """A node's own message, truncated to MAX_TEXT, so that searches in it are bounded."""
    return message[:MAX_TEXT] if isinstance(message, str) else ""


def _basic(auth: str) -> str:
    from urllib3.util import make_headers

    return make_headers(basic_auth=auth)["authorization"]
