"""Answer one Pub/Sub push delivery to one operation: a command, or a reaction to an event.

The status is 204 if the delivery was handled, was handled before, or is not for this operation (the emulator applies
no subscription filters). It is 503 or 429 if a dependency is down or contended, so that Pub/Sub backs off. A delivery
that can never be handled is recorded as a dead letter with its reason, and acknowledged. So nothing is lost and
nothing loops.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from shared import resources
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime import subscription_filter
from shared.runtime.clock import new_id
from shared.runtime.cloud_event import MAX_DATA, Event, UnreadableEvent, parse
from shared.runtime.context import Command, Context, Idempotency, current, deadline_in, running
from shared.runtime.errors import IdempotencyKeyReused, ValidationFailed
from shared.runtime.operation import PUBLIC, SELF, MessageTrigger, Operation
from shared.store.port import StoreError
from shared.store.session import Session
from shared.store.tables import system
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs, tracing
from shared.triggers import authorization, request_parsing
from shared.triggers.reply import Reply, as_refusal, error_body, failed
from shared.triggers.request_parsing import Incoming
from shared.writes import command_events, commit
from shared.writes.mutation import AlreadyApplied, Replay

_log = logging.getLogger(__name__)
ACKNOWLEDGED = 204
CONSUMER_LIMIT = 64
DEAD_LETTER_TOPIC = "dead-letters"
_NAME = re.compile(r"[!-~]{1,255}")
BODY_LIMIT = 2_000_000  # characters; a Spanner column holds 2,621,440


@dataclass(frozen=True, slots=True)
class Delivery:
    """The push envelope; `topic` is the trigger's topic."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    subscription: str


def deliver(operation: Operation, incoming: Incoming) -> Reply:
    """Handle one push, which the caller has already authenticated."""
    deadline = deadline_in(resources.settings().handler_seconds)
    context = Context(operation.name, new_id("req"), deadline, operation.rights)
    with running(context):
        try:
            reply = _delivered(operation, unwrap(incoming.body), context)
        except Exception as error:
            reply = failed(error, context)
        logs.finished(context, "message", reply.status)
    return reply


def _delivered(operation: Operation, delivery: Delivery, context: Context) -> Reply:
    with tracing.entered(context, "CONSUMER", delivery.attributes.get("ce-traceparent")):
        try:
            trigger = _trigger(operation, delivery)
            if trigger is not None:
                _handle(operation, trigger, delivery, context)
        except (AlreadyApplied, Replay):
            pass
        except Exception as error:
            return failed(error, context)
    return Reply(ACKNOWLEDGED)


def unwrap(body: bytes) -> Delivery:
    """Parse the push envelope. Raises UnreadableEvent if Pub/Sub cannot have sent it; then there is nothing to keep."""
    try:
        envelope = json.loads(body)
        message = envelope["message"]
        data = base64.b64decode(message.get("data", ""), validate=True)
        attributes = {str(key): str(value) for key, value in message.get("attributes", {}).items()}
        return Delivery(data, attributes, str(message["messageId"]), str(envelope.get("subscription", "")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableEvent("The request is not a Pub/Sub push.") from None


def _trigger(operation: Operation, delivery: Delivery) -> MessageTrigger | None:
    kind = delivery.attributes.get(subscription_filter.TYPE_ATTRIBUTE, "")
    subscription = delivery.subscription.rsplit("/", 1)[-1]
    for trigger in operation.messages:
        subscribed = subscription in ("", subscription_name(operation, trigger))
        if subscribed and (kind in trigger.types or "*" in trigger.types):
            away = subscription_filter.keeps_away(delivery.attributes, trigger.unless)
            return None if away else trigger
    return None


def subscription_name(operation: Operation, trigger: MessageTrigger) -> str:
    """The subscription's name: one per operation and topic."""
    return f"{operation.name}.{trigger.topic}"


def topic_of(subscription: str) -> str:
    """The topic in a subscription's name, or "" for a foreign subscription."""
    return ([*subscription.split("."), ""])[1]


def _handle(operation: Operation, trigger: MessageTrigger, delivery: Delivery, context: Context) -> None:
    if "*" in trigger.types:
        operation.function(delivery, trigger.topic)
        return
    try:
        event = parse(delivery.data)
        if event.type not in trigger.types:
            raise UnreadableEvent(f"The attribute ce-type does not agree with the type {event.type}.")
    except UnreadableEvent as unreadable:
        record_dead_letter(delivery, trigger.topic, operation.name, unreadable.text)
        return
    context.request.causation_id = event.id
    if trigger.request is not None:
        try:
            _command(operation, trigger, event, context)
        except IdempotencyKeyReused as reused:  # a refusal under this id cannot be stored either
            record_dead_letter(delivery, trigger.topic, operation.name, f"{reused.code}: {reused.text}")
        return
    context.caller = Caller.of_system()
    try:
        operation.function(event)
    except Refusal as refusal:
        if refusal.status >= 500 or refusal.status == 429:
            raise
        record_dead_letter(delivery, trigger.topic, operation.name, f"{refusal.code}: {refusal.text}")


def _command(operation: Operation, trigger: MessageTrigger, event: Event, context: Context) -> None:
    context.caller = _on_behalf_of(event.subject, operation.route.permission)
    context.request.command = command = Command(event.id, event.type, event.subject)
    fields = dict(event.data)
    match = fields.pop("if_match", None)
    context.request.idempotency = Idempotency(event.id, request_parsing.fingerprint(operation.name, fields))
    try:
        if match is not None and (not isinstance(match, int) or isinstance(match, bool)):
            raise ValidationFailed(details=[{"field": "if_match", "message": "must be a version"}])
        context.request.if_match = match
        authorization.require(context.caller, operation.route)
        operation.function(request_parsing.validate(trigger.request, fields), context.caller)
        if not context.answer.committed:
            commit.commit(_nothing)
    except (Refusal, StoreError) as error:
        refusal = as_refusal(error)
        if refusal.status >= 500 or refusal.status == 429:
            raise
        context.telemetry.code = refusal.code
        _log.info("command refused", extra={"code": refusal.code, "command": event.id})
        commit.commit(_refuse, command, refusal)


def _on_behalf_of(user_id: str, permission: str) -> Caller:
    """The caller of a command. A permission beyond those of users requires a look-up of the subject's own roles."""
    from shared.store.tables.users import USERS

    caller = Caller.of_command(user_id)
    if permission in (PUBLIC, SELF) or caller.may(permission):
        return caller
    user = Session(resources.database().snapshot()).maybe(USERS.find(user_id))
    return caller if user is None or user.disabled else Caller.of_command(user_id, user.roles)


def _refuse(unit: UnitOfWork, command: Command, refusal: Refusal) -> None:
    """Emit `command.refused` once. Its operation record uses the command's key, so the command cannot succeed later."""
    unit.answer_status(refusal.status)
    command_events.refused(unit, command, error_body(refusal, unit.context.request_id))


def _nothing(unit: UnitOfWork) -> None:
    """Tell the sender that there was nothing to do."""
    unit.check_caller()


def record_dead_letter(delivery: Delivery, topic: str, consumer: str, reason: str) -> None:
    """Record a dead letter once per message and consumer, whatever happens to the delivery. The user on whose behalf
    a command was sent is notified, if the command is readable."""
    # A forwarded message names its consumer in an attribute that anybody can set.
    consumer = consumer[:CONSUMER_LIMIT]
    digest = hashlib.sha256(f"{consumer}/{topic}/{delivery.message_id}".encode()).hexdigest()
    context = Context(current().operation, new_id("req"), deadline_in(resources.settings().handler_seconds))
    context.caller = Caller.of_system()
    context.telemetry.traceparent = current().telemetry.traceparent
    command = readable_command(delivery.data) if topic.endswith("-commands") else None
    context.rights = current().rights
    context.request.causation_id = command.id if command else None
    with running(context):
        inbox = system.InboxRow(consumer, f"dead:{digest[:48]}", resources.clock().now())
        try:
            letter = Letter(delivery, topic, consumer, reason[: system.REASON_LIMIT], command)
            commit.commit(_record_dead_letter, letter, inbox=inbox)
        except AlreadyApplied:
            return
    _log.error(
        "dead letter", extra={"topic": topic, "consumer": consumer, "reason": reason[: system.REASON_LIMIT]}
    )


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that can never be handled; `command` is the part that could be parsed."""

    delivery: Delivery
    topic: str
    consumer: str
    reason: str
    command: Command | None


def readable_command(data: bytes) -> Command | None:
    """The command that a message contains, even if it is not a valid CloudEvent."""
    with suppress(ValueError, RecursionError):
        body = json.loads(data) if len(data) <= MAX_DATA else None
        if isinstance(body, dict):
            found = [body.get(name) for name in ("id", "type", "subject")]
            texts = [text for text in found if isinstance(text, str) and _NAME.fullmatch(text)]
            if len(texts) == len(found) and len(texts[2]) <= 64:
                return Command(*texts)
    return None


def _record_dead_letter(unit: UnitOfWork, letter: Letter) -> None:
    text = letter.delivery.data.decode("utf-8", errors="backslashreplace").replace("\x00", "\\x00")
    reason = letter.reason
    if len(text) > BODY_LIMIT:
        text, reason = text[:BODY_LIMIT], f"{reason[:900]} (the body is cut to {BODY_LIMIT} characters)"
    unit.write(
        system.dead_letter(
            unit.new_id("dlq"),
            consumer=letter.consumer,
            topic=letter.topic,
            reason=reason,
            body=text,
            attributes=dict(letter.delivery.attributes),
            now=unit.now,
        )
    )
    if letter.command:
        error = error_body(UnreadableEvent(letter.reason), unit.context.request_id)
        command_events.refused(unit, letter.command, error, letter.topic.replace("-commands", "-events"))
