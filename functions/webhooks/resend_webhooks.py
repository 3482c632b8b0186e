"""Send all events since a time again: those that were not delivered, or all. At most 500 in one call."""

from __future__ import annotations

from schemas.webhooks import ResendWebhooks, Resent
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import usable
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import hints, requests
from shared.writes.commit import commit


@http(
    "POST",
    "/webhooks/{webhook_id}/resend",
    permission="webhook:write",
    request=ResendWebhooks,
    answer=Resent,
    status=202,
    publishes=(hints.TOPIC,),
)
def resend_webhooks(request: ResendWebhooks, caller: Caller) -> Resent:
    session = Session(resources.database().snapshot())
    webhook = session.one(usable(caller, request.webhook_id))
    answer = commit(_resend, request, caller, requests.since(session, webhook, request.since))
    hints.wake([request.webhook_id])
    return answer


def _resend(unit: UnitOfWork, request: ResendWebhooks, caller: Caller, found: requests.Since) -> Resent:
    webhook, lane = requests.active_endpoint(unit, caller, request.webhook_id)
    wanted = requests.redeliver(unit, webhook, found, taken_too=request.deliveries == "all")
    requests.put_in_front(unit, lane, wanted)
    unit.audit(webhook.id, since=request.since.isoformat(), resent=len(wanted))
    return Resent(resent=len(wanted), next_since=found.following)
