"""Screening: whether an address may be paid, asked before every payout (`resources.screening()`). By default all may.

With SCREENING_URL, an external service of the operator is asked:

    POST {"chain", "address", "amount", "currency", "claim_id"} → 200 {"allowed": true | false, "reason"?: "…"}

Any other answer, an error, a redirect or a timeout means no answer, and without an answer nothing is paid.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from shared.domain.errors import Refusal
from shared.runtime.context import remaining_seconds

TIMEOUT: Final = 5.0  # seconds, or what is left of the request when that is less
MAX_BYTES: Final = 64 * 1024  # of an answer
MAX_REASON: Final = 200  # characters
_CONNECTIONS: Final = 16
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}

_log = logging.getLogger(__name__)


class PayoutRefused(Refusal):
    """`data.recipient` may not be paid. The reason is in the audit log, for its readers alone."""

    code, status, message = "PAYOUT_REFUSED", 422, "Payments to the recipient's address are not allowed."


class ScreeningUnavailable(Refusal):
    code, status = "SCREENING_UNAVAILABLE", 503
    message = "The address screening service does not answer; try again."
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
        from shared.runtime import bounded_http

        parts = urlsplit(url)
        self._pool = bounded_http.connections(parts.scheme, parts.hostname or "", parts.port, _CONNECTIONS)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout = timeout

    def ask(self, payout: Payout) -> Verdict:
        from shared.runtime import bounded_http

        body, seconds = json.dumps(asdict(payout)).encode(), remaining_seconds(self._timeout)
        try:
            status, answer = bounded_http.post(
                self._pool, self._path, body, _HEADERS, seconds=seconds, most=MAX_BYTES
            )
            if status != 200:
                raise ValueError(f"HTTP {status}")
            return _verdict(answer)
        except (bounded_http.NoAnswer, ValueError, RecursionError) as error:
            problem = str(error) if isinstance(error, bounded_http.NoAnswer) else type(error).__name__
            _log.warning("no answer from screening", extra={"problem": problem})
            raise ScreeningUnavailable from None


def _verdict(text: bytes) -> Verdict:
    answer: Any = json.loads(text)
    allowed = answer.get("allowed") if isinstance(answer, dict) else None
    if not isinstance(allowed, bool):
        raise ValueError("allowed is neither true nor false")
    reason = answer.get("reason")
    clean = "".join(filter(str.isprintable, reason)) if isinstance(reason, str) else ""
    return Verdict(allowed, clean[:MAX_REASON])
