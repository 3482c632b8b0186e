"""Whether an address may be paid, asked before every payout (`resources.screening()`): by default everybody may.

With SCREENING_URL a service of the company's own is asked:

    POST {"chain", "address", "amount", "currency", "claim_id"} → 200 {"allowed": true | false, "reason"?: "…"}

Anything else than that answer in time (an error, a redirect, something unreadable) is no answer, and without an
answer nothing is paid.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from shared.context import remaining_seconds
from shared.domain.errors import Refusal

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TIMEOUT: Final = 5.0  # seconds, or what is left of the request when that is less
MAX_BYTES: Final = 64 * 1024  # of an answer
MAX_REASON: Final = 200  # characters
_CONNECTIONS: Final = 16

_log = logging.getLogger(__name__)


class PayoutRefused(Refusal):
    """`data.recipient` may not be paid. The reason is in the audit log, for its readers alone."""

    code, status, message = "PAYOUT_REFUSED", 422, "The recipient's address may not be paid."


class ScreeningUnavailable(Refusal):
    code, status = "SCREENING_UNAVAILABLE", 503
    message = "The screening of addresses does not answer; try again."
    retry_after = 5.0


@dataclass(frozen=True, slots=True)
class Payout:
    """`amount` in the unit of the currency, as the API writes it."""

    chain: str
    address: str
    amount: str
    currency: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    reason: str = ""  # printable, MAX_REASON characters at most


class Screening(Protocol):
    def ask(self, payout: Payout) -> Verdict:
        """Whether this may be paid. Raises ScreeningUnavailable when nobody can say."""
        ...


class AllowAll:
    """Nobody is asked."""

    def ask(self, payout: Payout) -> Verdict:
        return Verdict(True)


class HttpScreening:
    """Asks a company's service; safe for threads. Follows no redirect and repeats nothing."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

        parts = urlsplit(url)
        kind = HTTPSConnectionPool if parts.scheme == "https" else HTTPConnectionPool
        self._pool = kind(parts.hostname or "", parts.port, maxsize=_CONNECTIONS, block=True)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout = timeout

    def ask(self, payout: Payout) -> Verdict:
        from urllib3.exceptions import HTTPError

        seconds = remaining_seconds(self._timeout)
        until = time.monotonic() + seconds
        try:
            response = self._post(json.dumps(asdict(payout)).encode(), seconds)
            try:
                answer = _read(response, until)
            except BaseException:
                response.close()  # what is left of the answer must not meet the next question
                raise
            finally:
                response.release_conn()
            return _verdict(answer)
        except (HTTPError, OSError, ValueError, RecursionError) as error:
            _log.warning("no answer from screening", extra={"problem": type(error).__name__})
            raise ScreeningUnavailable from None

    def _post(self, body: bytes, seconds: float) -> BaseHTTPResponse:
        from urllib3 import Timeout

        return self._pool.request(
            "POST",
            self._path,
            body=body,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=Timeout(total=seconds),
            pool_timeout=seconds,
            retries=False,
            redirect=False,
            preload_content=False,
        )


def _read(response: BaseHTTPResponse, until: float) -> bytes:
    """The whole body of a 200 that came in time. Raises ValueError, TimeoutError."""
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    text = b""
    while part := response.read1(MAX_BYTES, decode_content=True):  # never waits to fill a buffer
        text += part
        if len(text) > MAX_BYTES:
            raise ValueError("the answer is too large")
        if time.monotonic() > until:
            raise TimeoutError
    if time.monotonic() > until:
        raise TimeoutError
    return text


def _verdict(text: bytes) -> Verdict:
    answer: Any = json.loads(text)
    allowed = answer.get("allowed") if isinstance(answer, dict) else None
    if not isinstance(allowed, bool):
        raise ValueError("allowed is neither true nor false")
    reason = answer.get("reason")
    clean = "".join(filter(str.isprintable, reason)) if isinstance(reason, str) else ""
    return Verdict(allowed, clean[:MAX_REASON])
