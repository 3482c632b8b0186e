"""One call to the API, apart from how bytes are sent: attempts, pauses, idempotency keys, refreshed tokens, deadlines.

`attempts` is a generator of steps; a synchronous and an asynchronous client carry them out (`transport`).
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from web3_wallet_client import codes
from web3_wallet_client._version import VERSION
from web3_wallet_client.decoding import UNSET, decoded, encoded
from web3_wallet_client.errors import BY_STATUS, ApiError, NoAnswer
from web3_wallet_client.tokens import Credentials

T = TypeVar("T")
# The request was refused before anything was done, whatever it is.
REFUSED = frozenset({429, 503})
# A proxy gave up: nobody knows whether it was done.
UNKNOWN = frozenset({502, 504})
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long. Times are seconds.

    A pause is random between nothing and `first` doubled for each attempt, at most `longest`; never shorter than
    `Retry-After`."""

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0

    def pause(self, attempt: int, retry_after: float | None) -> float:
        drawn = random.uniform(0, min(self.longest, self.first * 2**attempt))  # noqa: S311 - no secret
        return drawn if retry_after is None else retry_after + drawn


@dataclass(frozen=True)  # without slots: `Call[None](…)` fails with them in Python 3.11
class Call(Generic[T]):
    """What is asked. `answer` is T itself, for decoding; `takes_key`: an Idempotency-Key may be sent."""

    method: str
    path: str
    answer: Any
    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    takes_key: bool = False
    idempotency_key: str | None = None
    if_match: int | None = None
    min_version: int | None = None
    fresh: bool = False
    signed: bool = True
    timeout: float | None = None

    @property
    def url(self) -> str:
        """The path with its parameters, each one segment."""
        return self.path.format(**{name: quote(value, safe="") for name, value in self.values.items()})

    def parameters(self) -> dict[str, str]:
        """The query; what is not given, or None, is left out."""
        given = {
            name: value for name, value in self.query.items() if value is not None and value is not UNSET
        }
        return {name: _parameter(value) for name, value in given.items()}

    def content(self) -> bytes | None:
        """The body; a POST without any has an empty one."""
        if self.body is None:
            return None
        return json.dumps(encoded(self.body), separators=(",", ":"), ensure_ascii=False).encode()

    def headers(self) -> dict[str, str]:
        found = {"Accept": "application/json", "User-Agent": f"web3-wallet-client-python/{VERSION}"}
        if self.body is not None:
            found["Content-Type"] = "application/json"
        if self.takes_key:
            found["Idempotency-Key"] = self.idempotency_key or str(uuid.uuid4())
        if self.if_match is not None:
            found["If-Match"] = f'"{self.if_match}"'
        if self.min_version is not None:
            found["Min-Version"] = str(self.min_version)
        if self.fresh:
            found["Cache-Control"] = "no-cache"
        return found

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent again when nobody knows what became of the first."""
        if self.method == "POST":
            return self.takes_key
        return self.method == "GET" or self.if_match is None


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(str(one) for one in value)
    return str(encoded(value))


@dataclass(frozen=True, slots=True)
class Send:
    """Send this and give the answer, or the httpx.TransportError, back; `timeout` is for all of it."""

    method: str
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """Get a new access token, unless another caller has replaced this one already."""

    stale: str


Step = Send | Pause | Refresh
Outcome = httpx.Response | httpx.TransportError | None


def attempts(
    call: Call[T], retries: Retries, credentials: Credentials, timeout: float
) -> Generator[Step, Outcome, T]:
    """The steps of a call. Returns the decoded answer; raises ApiError or NoAnswer."""
    until = time.monotonic() + (call.timeout or timeout)
    headers, content, parameters = call.headers(), call.content(), call.parameters()
    refreshed, attempt = False, 0
    while True:
        signed = credentials.headers() if call.signed else {}
        left = until - time.monotonic()
        answer = yield Send(call.method, call.url, parameters, headers | signed, content, max(left, 0.001))
        if isinstance(answer, httpx.Response):
            if answer.is_success:
                return _decoded(call, answer)
            if answer.status_code == 401 and call.signed and credentials.refreshable and not refreshed:
                refreshed = True
                yield Refresh(credentials.bearer)
                continue
            failure: ApiError | NoAnswer = error_of(answer)
        else:
            failure = NoAnswer(f"{call.method} {call.path}: {type(answer).__name__}: {answer}")
            failure.__cause__ = answer
        pause = retries.pause(attempt, getattr(failure, "retry_after", None))
        attempt += 1
        late = time.monotonic() + pause > until
        if not may_repeat(call, answer) or attempt >= retries.attempts or late:
            raise failure
        yield Pause(pause)


def may_repeat(call: Call[Any], answer: Outcome) -> bool:
    """Whether sending again helps and does no harm."""
    if isinstance(answer, httpx.Response):
        unknown = answer.status_code in UNKNOWN and call.repeatable
        return answer.status_code in REFUSED or unknown
    return isinstance(answer, NEVER_SENT) or call.repeatable


def error_of(answer: httpx.Response) -> ApiError:
    """The typed error of an answer; one that is not the API's own (a proxy's page) has the code UNKNOWN."""
    try:
        error = answer.json()["error"]
        code = str(error["code"])
    except (ValueError, KeyError, TypeError):
        error = {"message": answer.text[:200], "request_id": answer.headers.get("X-Request-Id")}
        code = "UNKNOWN"
    kind = codes.BY_CODE.get(code) or BY_STATUS.get(answer.status_code, ApiError)
    return kind(answer.status_code, error, _seconds(answer.headers.get("Retry-After")))


def _seconds(text: str | None) -> float | None:
    try:
        return max(float(text), 0.0) if text else None
    except ValueError:
        return None


def _decoded(call: Call[T], answer: httpx.Response) -> T:
    data = answer.json() if answer.content else None
    found: T = decoded(call.answer, data)
    return found
