"""Webhook endpoints and deliveries as their owner sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Count, Id, Instant, ListQuery, Metadata, Page, PageQuery, Request, Resource
from shared.domain.webhooks import deliveries, endpoints
from shared.domain.webhooks.deliveries import DeliveryStatus
from shared.domain.webhooks.endpoints import MAX_OVERLAP, OVERLAP, DisabledReason, Payload, WebhookStatus
from shared.domain.webhooks.lanes import WebhookLane

Url = Annotated[str, StringConstraints(min_length=8, max_length=2_000)]
EventTypes = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(min_length=1, max_length=100)
]
Description = Annotated[str, StringConstraints(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]


class CreateWebhook(Request):
    """`event_types` lists event types, all types of an aggregate as `order.*`, or `*` for all. `thin`
    deliveries only name the resource, `full` ones contain it as GET would return it.
    """

    url: Url
    event_types: EventTypes
    description: Description | None = None
    metadata: Metadata = Field(default_factory=dict)
    payload: Payload = "full"


class GetWebhook(Request):
    webhook_id: Id


class ListWebhooks(ListQuery):
    status: WebhookStatus | None = None


class UpdateWebhook(Request):
    """Absent fields stay; `metadata` replaces all earlier entries. `status`: `disabled` stops all deliveries;
    `active` starts with events from now on, and with the deliveries that waited.
    """

    webhook_id: Id
    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    payload: Payload | None = None
    status: WebhookStatus | None = None


class RotateWebhookSecret(Request):
    """The previous secret continues to sign beside the new one for `overlap_seconds`."""

    webhook_id: Id
    overlap_seconds: Annotated[Count, Field(ge=0, le=int(MAX_OVERLAP.total_seconds()))] = int(
        OVERLAP.total_seconds()
    )


class ResendWebhooks(Request):
    """All events since then that the endpoint subscribes to: those not delivered, or with `all` the delivered
    ones as well.
    """

    webhook_id: Id
    since: Instant
    deliveries: Literal["undelivered", "all"] = "undelivered"


class ListDeliveries(PageQuery):
    webhook_id: Id
    status: DeliveryStatus | None = None
    event_type: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class OneDelivery(Request):
    webhook_id: Id
    delivery_id: Id


class Webhook(Resource):
    """A webhook endpoint. While it fails, `failing_since` says since when, and `next_attempt_at` when it is
    tried again.
    """

    id: str
    user_id: str
    url: str
    event_types: list[str]
    description: str | None
    metadata: dict[str, str]
    payload: Payload
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    disabled_at: Instant | None
    public_key: Annotated[str, Field(description="whpk_…: verifies signatures that begin with v1a")]
    previous_secret_until: Annotated[
        Instant | None, Field(description="until when the previous secret signs as well")
    ]
    failing_since: Instant | None = None
    next_attempt_at: Instant | None = None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, webhook: endpoints.Webhook, lane: WebhookLane | None = None) -> Webhook:
        return cls(**_shown(webhook, lane))


def _shown(webhook: endpoints.Webhook, lane: WebhookLane | None) -> dict[str, Any]:
    names = (
        *("id", "user_id", "url", "description", "payload", "status", "disabled_reason", "disabled_at"),
        *("public_key", "version", "created_at", "updated_at"),
    )
    return {name: getattr(webhook, name) for name in names} | {
        "event_types": list(webhook.event_types),
        "metadata": dict(webhook.metadata),
        "previous_secret_until": webhook.previous_until,
        "failing_since": lane.failing_since if lane else None,
        "next_attempt_at": lane.not_before if lane and lane.failing_since and webhook.active else None,
    }


class SecretWebhook(Webhook):
    """`secret` is shown only in this answer; a replayed answer has null instead."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"secret"})

    secret: Annotated[str | None, Field(description="whsec_…: verifies signatures that begin with v1")]

    @classmethod
    def made(cls, webhook: endpoints.Webhook, secret: str) -> SecretWebhook:
        return cls(**_shown(webhook, None), secret=secret)


class WebhookPage(Page[Webhook]):
    pass


class DeliveryAttempt(Resource):
    """One request to the endpoint. If there was no status code, `error` says what happened; `answer` is the
    beginning of the response.
    """

    at: Instant
    status_code: int | None
    milliseconds: int
    error: str | None
    answer: str | None


class WebhookDelivery(Resource):
    """One event on its way to one endpoint, with its last attempts, newest first."""

    id: str
    webhook_id: str
    event_id: Annotated[str, Field(description="the value of the webhook-id header")]
    event_type: str
    subject: str
    sequence: int
    status: DeliveryStatus
    attempts: list[DeliveryAttempt]
    next_attempt_at: Instant | None
    delivered_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, delivery: deliveries.Delivery) -> WebhookDelivery:
        return cls(**_delivery(delivery))


def _delivery(delivery: deliveries.Delivery) -> dict[str, Any]:
    names = (
        *("id", "webhook_id", "event_id", "event_type", "subject", "sequence", "status", "delivered_at"),
        *("version", "created_at", "updated_at"),
    )
    attempts: list[Mapping[str, Any]] = list(reversed(delivery.attempts))
    return {name: getattr(delivery, name) for name in names} | {
        "attempts": [DeliveryAttempt(**each) for each in attempts],
        "next_attempt_at": delivery.due_at and max(delivery.due_at, delivery.updated_at),
    }


class WebhookDeliveryDetail(WebhookDelivery):
    """A delivery with the body that is sent."""

    body: Annotated[str, Field(description="the bytes that are signed and sent, the same in each attempt")]

    @classmethod
    def of(cls, delivery: deliveries.Delivery) -> WebhookDeliveryDetail:
        return cls(**_delivery(delivery), body=delivery.body)


class DeliveryPage(Page[WebhookDelivery]):
    pass


class Resent(Resource):
    """How many deliveries were scheduled again. If there are more than one call can take, continue from
    `next_since`.
    """

    resent: int
    next_since: Instant | None


class WebhookTest(Resource):
    """The data of `webhook.test`."""

    webhook_id: str
    message: str = "If you can read this and the signature is right, deliveries work."
