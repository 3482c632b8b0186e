"""The logic of one call to the API, without sending bytes: attempts, pauses, idempotency keys, token refresh,
deadlines.

`attempts` is a generator of steps; a synchronous and an asynchronous client execute them (`transport`).
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
from web3_wallet_client.errors import BY_STATUS, ApiError, NoAnswer, UnreadableAnswer
from web3_wallet_client.tokens import Credentials

T = TypeVar("T")
# The server refused the request before it did anything.
REFUSED = frozenset({429, 503})
# A proxy gave up, so the outcome is unknown.
UNKNOWN = frozenset({502, 504})
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """The number of attempts and their pauses. Times are in seconds.

    A pause is random, between zero and a limit: `first` seconds, doubled with each attempt, at most `longest`. If the
    server has answered `Retry-After`, the pause is that time longer.
    """

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0

    def pause(self, attempt: int, retry_after: float | None) -> float:
        doubled = self.first * 2 ** min(
            attempt, 30
        )  # a stream may fail so often that a float cannot hold 2**attempt
        drawn = random.uniform(0, min(self.longest, doubled))  # noqa: S311 - no secret
        return drawn if retry_after is None else retry_after + drawn


@dataclass(frozen=True)  # without slots: `Call[None](…)` fails with them in Python 3.11
class Call(Generic[T]):
    """One request. `answer` is T itself, which decoding needs; `takes_key` says whether the operation accepts an
    Idempotency-Key."""

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
        """The path with its parameters, each as one segment."""
        return self.path.format(**{name: quote(value, safe="") for name, value in self.values.items()})

    def parameters(self) -> dict[str, str]:
        """The query, without values that are not given or None."""
        given = {
            name: value for name, value in self.query.items() if value is not None and value is not UNSET
        }
        return {name: _parameter(value) for name, value in given.items()}

    def content(self) -> bytes | None:
        """The body; a POST without content has an empty body."""
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
        """Whether the same request may be sent again if the outcome of the first is unknown."""
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
    """Send this request and return the answer, or the httpx.TransportError; `timeout` is for the whole step."""

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
    """Get a new access token, unless another caller has already replaced this one."""

    stale: str


Step = Send | Pause | Refresh
Outcome = httpx.Response | httpx.TransportError | None


def attempts(
    call: Call[T], retries: Retries, credentials: Credentials, timeout: float
) -> Generator[Step, Outcome, T]:
    """The steps of a call. Returns the decoded answer; raises ApiError, NoAnswer or UnreadableAnswer."""
    until = time.monotonic() + (call.timeout or timeout)
    headers, content, parameters = call.headers(), call.content(), call.parameters()
    refreshed, attempt = False, 0
    while True:
        bearer = credentials.bearer  # another caller may replace it before the answer
        signed = credentials.headers() if call.signed else {}
        left = until - time.monotonic()
        answer = yield Send(call.method, call.url, parameters, headers | signed, content, max(left, 0.001))
        if isinstance(answer, httpx.Response):
            if answer.is_success:
                return _decoded(call, answer)
            if answer.status_code == 401 and call.signed and credentials.refreshable and not refreshed:
                refreshed = True
                yield Refresh(bearer)
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
    """Whether sending again may help and is safe."""
    if isinstance(answer, httpx.Response):
        unknown = answer.status_code in UNKNOWN and call.repeatable
        return answer.status_code in REFUSED or unknown
    return isinstance(answer, NEVER_SENT) or call.repeatable


def error_of(answer: httpx.Response) -> ApiError:
    """The typed error of an answer; an answer that is not the API's own (a proxy's page) has the code UNKNOWN."""
    try:
        error = answer.json()["error"]
        code = str(error["code"])
    except (ValueError, KeyError, TypeError):
        error = {"message": _foreign(answer), "request_id": answer.headers.get("X-Request-Id")}
        code = "UNKNOWN"
    kind = codes.BY_CODE.get(code) or BY_STATUS.get(answer.status_code, ApiError)
    return kind(answer.status_code, error, _seconds(answer.headers.get("Retry-After")))


def _foreign(answer: httpx.Response) -> str:
    """What to say about an answer that is not the API's own. Redirects are not followed: a POST would become a GET,
    and a key would go to another host."""
    if answer.has_redirect_location:
        return f"the server redirects to {answer.headers['Location']}: is that the base_url?"
    return answer.text[:200]


def _seconds(text: str | None) -> float | None:
    try:
        return max(float(text), 0.0) if text else None
    except ValueError:
        return None


def _decoded(call: Call[T], answer: httpx.Response) -> T:
    try:
        data = answer.json() if answer.content else None
        found: T = decoded(call.answer, data)
    except (ValueError, TypeError) as error:
        raise UnreadableAnswer(f"{call.method} {call.path}: {answer.status_code}, but {error}") from error
    return found
