"""Screening: whether an address may be paid, checked before every payout (`resources.screening()`). Default: all may.

If SCREENING_URL is set, the request goes to an external service of the operator:

    POST {"chain", "address", "amount", "currency", "claim_id"} → 200 {"allowed": true | false, "reason"?: "…"}

Any other answer, an error, a redirect or a timeout counts as no answer. Without an answer nothing is paid.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from shared.domain.errors import Refusal
from shared.runtime.context import remaining_seconds

TIMEOUT: Final = 5.0  # seconds; less if the request's own deadline is nearer
MAX_BYTES: Final = 64 * 1024  # largest answer
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
    """A payout to check; `amount` is in the unit of the currency, as in the API."""

    chain: str
    address: str
    amount: str
    currency: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    reason: str = ""  # printable, at most MAX_REASON characters


class Screening(Protocol):
    def ask(self, payout: Payout) -> Verdict:
        """Whether this may be paid. Raises ScreeningUnavailable if there is no answer."""
        ...


class AllowAll:
    """Allows every payout without asking."""

    def ask(self, payout: Payout) -> Verdict:
        return Verdict(True)


class HttpScreening:
    """Asks an external service; safe for threads. It follows no redirects and never retries."""

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
