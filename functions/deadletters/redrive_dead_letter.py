"""Send a dead letter again: the original message, with its own id, to its original topic.

It is safe to repeat: a message is handled once. A message that still cannot be handled becomes a new dead letter. There
is a limit per hour for all operators together.
"""

from __future__ import annotations

import json
from dataclasses import replace

from schemas.contract import generated
from schemas.deadletters import DeadLetter, RedriveDeadLetter
from shared import resources
from shared.adapters.rate_limits import TooManyRequests
from shared.domain import event_types
from shared.domain.errors import InvalidState, Refusal
from shared.domain.permissions import Caller
from shared.runtime import cloud_event
from shared.runtime.operation import http
from shared.store.tables.system import DEAD_LETTERS
from shared.store.unit_of_work import UnitOfWork
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC, topic_of
from shared.writes.commit import commit

# Every topic that an operation subscribes to.
TOPICS = (
    *event_types.COMMAND_TOPICS,
    *event_types.OUTCOME_TOPICS,
    *("account-events", "wallet-events", "webhook-events", "webhook-lanes"),
)
BUDGET = "redrive"


class NotRedrivable(Refusal):
    code, status = "NOT_REDRIVABLE", 409
    message = "This message can never be handled as it is; its sender must send a corrected one."


@http(
    "POST",
    "/dead-letters/{dead_letter_id}/redrive",
    permission="admin:redrive",
    request=RedriveDeadLetter,
    answer=DeadLetter,
    publishes=TOPICS,
)
def redrive_dead_letter(request: RedriveDeadLetter, caller: Caller) -> DeadLetter:
    limiter, now = resources.limiter(), resources.clock().now()
    rate = limiter.take(BUDGET, limiter.limit(BUDGET, "basic"), now)
    if not rate.allowed:
        raise TooManyRequests(rate, now)
    return commit(_redrive, request.dead_letter_id)


def _redrive(unit: UnitOfWork, dead_letter_id: str) -> DeadLetter:
    letter = unit.one(DEAD_LETTERS.get(dead_letter_id))
    unit.match(letter)
    if letter.status != "new":
        raise InvalidState(status=letter.status)
    topic = topic_of(letter.consumer) if letter.topic == DEAD_LETTER_TOPIC else letter.topic
    if topic not in TOPICS:
        raise NotRedrivable(f"It came from {letter.consumer}, which is no subscription of ours.")
    try:
        event = cloud_event.parse(letter.body.encode())
    except cloud_event.UnreadableEvent as unreadable:
        raise NotRedrivable(unreadable.text) from None
    if topic.endswith("-commands") and event.type not in generated.commands()[topic]:
        raise NotRedrivable("No operation takes commands of its type.")
    unit.send_again(topic, json.loads(letter.body))
    after = replace(letter, status="redriven", version=letter.version + 1, updated_at=unit.now)
    unit.write(after)
    return DeadLetter.of(after)
