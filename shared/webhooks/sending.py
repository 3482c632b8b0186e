"""One attempt: a signed POST to the endpoint, with limits on its time and on the part of the answer that is read."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from shared import resources
from shared.domain.webhooks.deliveries import Delivery, DeliveryAttempt
from shared.domain.webhooks.endpoints import Webhook
from shared.runtime import bounded_http
from shared.runtime.crash_points import point
from shared.telemetry import metrics
from shared.webhooks import signatures
from shared.webhooks.signatures import SigningSecret
from shared.webhooks.targets import Resolver

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool

SECONDS: Final = 10.0  # per attempt, from name resolution to the answer's status
EXCERPT: Final = 500  # characters of an answer that are stored
_AGENT: Final = "wallet-webhooks/1"
ATTEMPTS: Final = metrics.counter(
    "wallet_webhook_attempts_total", "Attempts to deliver to a webhook, by what came of them.", "outcome"
)
DURATION: Final = metrics.histogram(
    "wallet_webhook_attempt_seconds", "How long receivers of webhooks take to answer, or not to."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt; `retry_after`: seconds that the endpoint asks to wait."""

    attempt: DeliveryAttempt
    retry_after: float | None = None


class Receiver:
    """One endpoint, whose connections stay open between attempts. Safe for threads."""

    def __init__(self, webhook: Webhook, signers: Sequence[SigningSecret], at_once: int) -> None:
        parts = urlsplit(webhook.url)
        self._signers = signers
        self._pool: HTTPConnectionPool = bounded_http.connections(
            parts.scheme, parts.hostname or "", parts.port, at_once
        )
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._resolve = resources.memory(Resolver)

    def close(self) -> None:
        self._pool.close()

    def attempt(self, delivery: Delivery) -> Outcome:
        """Make one attempt; whatever the receiver does, it ends in time and returns an outcome."""
        began, body = time.monotonic(), delivery.body.encode()
        now = resources.clock().now()
        try:
            answer = bounded_http.deliver(
                self._pool,
                self._path,
                body,
                self._headers(delivery, now, body),
                seconds=SECONDS,
                beginning=EXCERPT,
                resolve=self._resolve,
            )
        except Exception as failure:  # an error at one endpoint must not stop the others
            said = str(failure) if isinstance(failure, bounded_http.NoAnswer) else type(failure).__name__
            return self._ended(Outcome(DeliveryAttempt(now, None, _since(began), said, None)))
        point("after_delivery")
        attempt = DeliveryAttempt(
            now, answer.status, _since(began), _problem(answer.status), _excerpt(answer.beginning)
        )
        return self._ended(Outcome(attempt, _retry_after(answer.headers.get("Retry-After"), now)))

    def _headers(self, delivery: Delivery, now: datetime, body: bytes) -> dict[str, str]:
        signed = signatures.headers(self._signers, delivery.event_id, now, body)
        return signed | {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "Accept-Encoding": "identity",
        }

    @staticmethod
    def _ended(outcome: Outcome) -> Outcome:
        attempt = outcome.attempt
        status = "none" if attempt.status_code is None else f"{attempt.status_code // 100}xx"
        ATTEMPTS.add(outcome=status)
        DURATION.record(attempt.milliseconds / 1_000)
        return outcome


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)


def _problem(status: int) -> str | None:
    return "redirects are not followed" if 300 <= status < 400 else None


def _excerpt(beginning: bytes) -> str | None:
    """The displayable part of an answer: printable text without anything that a terminal or a page would execute."""
    text = beginning.decode("utf-8", errors="replace")
    return "".join(each if each.isprintable() else " " for each in text)[:EXCERPT] or None


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, from a number of seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if value is None or len(value) > 64:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with suppress(ValueError, TypeError):
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
    return None
