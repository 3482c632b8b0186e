"""An endpoint of a user that events are delivered to, and what may become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from shared.domain import event_types
from shared.domain.errors import InvalidState, Refusal

MOST: Final = 20  # endpoints of one user
OVERLAP: Final = timedelta(hours=24)  # in which the secret before signs, too, unless said otherwise
LONGEST_OVERLAP: Final = timedelta(days=7)
EVERYTHING: Final = "*"

Payload = Literal["full", "thin"]
WebhookStatus = Literal["active", "disabled"]
DisabledReason = Literal["by_owner", "gone", "failing", "account_recovered"]


class TooManyWebhooks(Refusal):
    code, status = "TOO_MANY_WEBHOOKS", 409
    message = f"Delete a webhook endpoint first: an account has at most {MOST}."


class WebhookDisabled(InvalidState):
    """`data.reason` says why it is disabled."""

    code, message = "WEBHOOK_DISABLED", "The endpoint is disabled; set its status to active first."


@dataclass(frozen=True, slots=True)
class Webhook:
    """`sealed` and `previous_sealed` hold signing secrets under the vault; the previous one signs until
    `previous_until`, too."""

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
        """Whether the secret before the last rotation signs, too."""
        return self.previous_until is not None and now < self.previous_until


def checked_types(names: Sequence[str]) -> tuple[str, ...]:
    """The names in order, each once. Raises InvalidValue unless each is an event type, all of a kind as `order.*`, or
    `*` for all."""
    event_types.chosen([name for name in names if name != EVERYTHING], field="event_types")
    return tuple(sorted(set(names)))


def wants(event_type_names: Sequence[str], kind: str) -> bool:
    """Whether an endpoint with these `event_types` is told of events of this type."""
    return not {EVERYTHING, kind, f"{kind.partition('.')[0]}.*"}.isdisjoint(event_type_names)


def updated(webhook: Webhook, changes: Mapping[str, Any], now: datetime) -> Webhook:
    """With these fields changed; itself when nothing changes."""
    after = replace(webhook, **changes)
    return webhook if after == webhook else replace(after, version=webhook.version + 1, updated_at=now)


def disabled(webhook: Webhook, reason: DisabledReason, now: datetime) -> Webhook:
    if not webhook.active:
        return webhook
    return updated(webhook, {"status": "disabled", "disabled_reason": reason, "disabled_at": now}, now)


def enabled(webhook: Webhook, now: datetime) -> Webhook:
    return updated(webhook, {"status": "active", "disabled_reason": None, "disabled_at": None}, now)


def rotated(webhook: Webhook, sealed: bytes, public_key: str, overlap: timedelta, now: datetime) -> Webhook:
    """With a new secret; the one before signs, too, for `overlap`."""
    changes = {
        "sealed": sealed,
        "public_key": public_key,
        "secret_version": webhook.secret_version + 1,
        "previous_sealed": webhook.sealed if overlap else None,
        "previous_until": now + overlap if overlap else None,
    }
    return updated(webhook, changes, now)
