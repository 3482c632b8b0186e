"""Events reach the endpoints that want them: signed, at least once, whatever messages are lost on the way."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import WebhookVerificationError

from shared import resources
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.receivers import Got, Receiver, answer


def verified_by_public_key(got: Got, public_key: str) -> bool:
    """Verify `v1a` by hand: the Python reference library supports only `v1`."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = b".".join((got.id.encode(), got.headers["webhook-timestamp"].encode(), got.body))
    for part in got.headers["webhook-signature"].split(" "):
        version, _, text = part.partition(",")
        if version == "v1a":
            with suppress(InvalidSignature):
                key.verify(base64.b64decode(text), signed)
                return True
    return False


def test_an_event_is_delivered_signed_to_who_wants_it(hooks: Hooks, taking: Receiver) -> None:
    user, other = hooks.user(), hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    hooks.endpoint(other, taking.url, "order.*")
    hooks.happen(user, "supply.created")
    (subject,) = hooks.happen(user, "order.created")
    hooks.drain()
    (got,) = taking.got
    said = got.verify(hooks.secrets[webhook])
    assert (said["type"], said["subject"], said["sequence"]) == ("order.created", subject, 1)
    assert (said["data"], said["payload"]) == ({"id": subject, "note": ""}, "full")
    assert got.path == "/hooks?from=wallet"
    assert "audience" not in said
    assert verified_by_public_key(got, hooks.shown(user, webhook)["public_key"])
    with pytest.raises(WebhookVerificationError):
        got.verify("whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode())
    (delivery,) = hooks.deliveries(user, webhook)
    assert (delivery["status"], delivery["event_id"]) == ("delivered", got.id)
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [204]


def test_what_happened_before_the_endpoint_is_not_delivered(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    hooks.happen(user)
    hooks.endpoint(user, taking.url)
    hooks.sweep()
    assert [json.loads(got.body)["type"] for got in taking.got if b"order" in got.body] == []


def test_thin_and_too_large_events_say_only_what_they_are_about(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    hooks.endpoint(user, taking.url, "order.*", payload="thin")
    full = hooks.endpoint(user, taking.url, "order.*")
    (subject,) = hooks.happen(user, note="ü" * 15_000)
    hooks.drain()
    bodies = [json.loads(got.body) for got in taking.got]
    assert [(body["data"], body["payload"]) for body in bodies] == [({"id": subject}, "thin")] * 2
    assert all(len(got.body) < 20_000 for got in taking.got)
    assert {got.id for got in taking.got} == {bodies[0]["id"]}
    assert len(hooks.deliveries(user, full)) == 1


def test_messages_that_are_lost_or_come_twice_change_nothing(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    hooks.happen(user, count=3)
    hooks.handled = len(hooks.published.sent)  # all of them are lost
    clock = ShiftedClock(timedelta(minutes=11))
    with resources.override(clock=clock):
        hooks.sweep()
        assert len(set(taking.ids)) == 3
        hooks.handled = 0  # and all come, late
        hooks.drain()
    assert len(taking.ids) == 3
    assert {one["status"] for one in hooks.deliveries(user, webhook)} == {"delivered"}


def test_retries_have_the_same_id_and_bytes_and_grow_apart(hooks: Hooks, clock: ShiftedClock) -> None:
    from tests.support.receivers import receiver

    with receiver(answer(500, b"\x1b[31moops\xff")) as failing:
        user = hooks.user()
        webhook = hooks.endpoint(user, failing.url, "order.*")
        hooks.happen(user)
        hooks.drain()
        (delivery,) = hooks.deliveries(user, webhook)
        assert (delivery["status"], len(failing.got)) == ("pending", 1)
        (attempt,) = delivery["attempts"]
        assert (attempt["status_code"], attempt["answer"]) == (500, " [31moops\ufffd")
        assert hooks.shown(user, webhook)["failing_since"] is not None
        hooks.sweep()
        assert len(failing.got) == 1  # not yet
        for seconds in (6, 34):
            clock.advance(timedelta(seconds=seconds))
            hooks.sweep()
        assert len(failing.got) == 3
        failing.behaviour = answer(200)
        clock.advance(timedelta(minutes=3))
        hooks.sweep()
        assert len({(got.id, got.body) for got in failing.got}) == 1
        (delivery,) = hooks.deliveries(user, webhook)
        assert (delivery["status"], len(delivery["attempts"])) == ("delivered", 4)
        assert hooks.shown(user, webhook)["failing_since"] is None


def test_after_three_days_of_failures_it_is_disabled_and_its_owner_hears_of_it(
    hooks: Hooks, clock: ShiftedClock, taking: Receiver
) -> None:
    from tests.support.receivers import receiver

    with receiver(answer(503)) as failing:
        user = hooks.user()
        webhook = hooks.endpoint(user, failing.url, "order.*")
        hooks.endpoint(user, taking.url, "webhook.*")
        hooks.happen(user)
        hooks.drain()
        tries = 0
        while hooks.shown(user, webhook)["status"] == "active":
            clock.advance(timedelta(hours=2))
            hooks.sweep()
            tries += 1
            assert tries < 60
        assert 70 <= tries * 2 <= 90
        seen = hooks.shown(user, webhook)
        assert (seen["status"], seen["disabled_reason"]) == ("disabled", "failing")
        assert 10 <= len(failing.got) <= 14
    (told,) = taking.got
    assert json.loads(told.body)["type"] == "webhook.disabled"
    before = len(failing.got)
    hooks.happen(user)
    hooks.sweep()
    assert len(failing.got) == before
