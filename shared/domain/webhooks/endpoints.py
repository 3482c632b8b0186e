"""A user's webhook endpoint, to which events are delivered, and the rules by which it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from shared.domain import event_types
from shared.domain.errors import Refusal

MAX_WEBHOOKS: Final = 20  # endpoints of one user
OVERLAP: Final = timedelta(hours=24)  # how long the previous secret also signs after a rotation, by default
MAX_OVERLAP: Final = timedelta(days=7)
EVERYTHING: Final = "*"

Payload = Literal["full", "thin"]
WebhookStatus = Literal["active", "disabled"]
DisabledReason = Literal["by_owner", "gone", "failing", "account_recovered"]


class TooManyWebhooks(Refusal):
    code, status = "TOO_MANY_WEBHOOKS", 409
    message = f"Delete a webhook endpoint first: an account has at most {MAX_WEBHOOKS}."


class WebhookDisabled(Refusal):
    """`data.reason` says why the endpoint is disabled."""

    code, status = "WEBHOOK_DISABLED", 409
    message = "The endpoint is disabled; set its status to active first."


@dataclass(frozen=True, slots=True)
class Webhook:
    """The row of an endpoint. `sealed` and `previous_sealed` are signing secrets, encrypted by the vault; the previous
    secret also signs until `previous_until`."""

    id: str  # whk_…
    user_id: str
    url: str
    event_types: tuple[str, ...]
    description: str | None
    metadata: Mapping[str, str]
    payload: Payload
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    sealed: bytes = field(repr=False)
    secret_version: int
    public_key: str  # whpk_…
    previous_sealed: bytes | None = field(repr=False)
    previous_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def active(self) -> bool:
        return self.status == "active"

    def overlaps(self, now: datetime) -> bool:
        """Whether the secret from before the last rotation still signs as well."""
        return self.previous_until is not None and now < self.previous_until


def checked_types(names: Sequence[str]) -> tuple[str, ...]:
    """The names in order, each once. Raises InvalidValue unless each is an event type, all types of an aggregate such
    as `order.*`, or `*` for all types."""
    event_types.chosen([name for name in names if name != EVERYTHING], field="event_types")
    return tuple(sorted(set(names)))


def wants(event_type_names: Sequence[str], kind: str) -> bool:
    """Whether an endpoint with these `event_types` receives events of this type."""
    return not {EVERYTHING, kind, f"{kind.partition('.')[0]}.*"}.isdisjoint(event_type_names)


def updated(webhook: Webhook, changes: Mapping[str, Any], now: datetime) -> Webhook:
    """The endpoint with these changes; the same endpoint if nothing changes."""
    after = replace(webhook, **changes)
    return webhook if after == webhook else replace(after, version=webhook.version + 1, updated_at=now)


def disabled(webhook: Webhook, reason: DisabledReason, now: datetime) -> Webhook:
    if not webhook.active:
        return webhook
    return updated(webhook, {"status": "disabled", "disabled_reason": reason, "disabled_at": now}, now)


def enabled(webhook: Webhook, now: datetime) -> Webhook:
    return updated(webhook, {"status": "active", "disabled_reason": None, "disabled_at": None}, now)


def rotated(webhook: Webhook, sealed: bytes, public_key: str, overlap: timedelta, now: datetime) -> Webhook:
    """The endpoint with a new secret; the previous secret also signs for the duration of `overlap`."""
    changes = {
        "sealed": sealed,
        "public_key": public_key,
        "secret_version": webhook.secret_version + 1,
        "previous_sealed": webhook.sealed if overlap else None,
        "previous_until": now + overlap if overlap else None,
    }
    return updated(webhook, changes, now)
