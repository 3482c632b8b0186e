"""Endpoints: only their owner creates, reads, changes, rotates, tests, replays and deletes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from shared import resources
from shared.domain.webhooks.endpoints import MAX_WEBHOOKS
from shared.store.session import Session
from shared.store.tables.system import AUDIT
from shared.store.tables.webhooks import WEBHOOKS
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.receivers import Receiver, answer


def test_a_secret_is_shown_once_and_stored_sealed(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    body = {"url": taking.url, "event_types": ["order.*", "claim.claimed"], "metadata": {"shop": "a"}}
    made = hooks.app.ok(201, "POST", "/webhooks", body, user=user, key="first")
    assert made["secret"].startswith("whsec_") and made["public_key"].startswith("whpk_")
    again = hooks.app.call("POST", "/webhooks", body, user=user, key="first")
    assert (again.status, again.body["secret"], again.body["id"]) == (201, None, made["id"])
    seen = hooks.shown(user, made["id"])
    assert "secret" not in seen
    assert seen["event_types"] == ["claim.claimed", "order.*"]
    assert (seen["metadata"], seen["status"], seen["payload"]) == ({"shop": "a"}, "active", "full")
    row = Session(resources.database().snapshot()).one(WEBHOOKS.get(made["id"]))
    assert made["secret"].encode()[6:20] not in row.sealed and made["secret"] not in repr(row)
    (listed,) = hooks.app.ok(200, "GET", "/webhooks", user=user)["items"]
    assert listed == seen
    assert hooks.app.ok(200, "GET", "/webhooks?status=disabled", user=user)["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://somebody@hooks.example.com/", "event_types": ["order.*"]}, "url"),
        ({"url": "https://169.254.169.254/", "event_types": ["order.*"]}, "url"),
        ({"url": "https://hooks.example.com:22/", "event_types": ["order.*"]}, "url"),
        ({"url": 7, "event_types": ["order.*"]}, "url"),
        ({"event_types": ["order.*"]}, "url"),
        ({"url": "https://hooks.example.com/", "event_types": []}, "event_types"),
        ({"url": "https://hooks.example.com/", "event_types": ["order.nothing"]}, "event_types"),
        ({"url": "https://hooks.example.com/", "event_types": ["ord*"]}, "event_types"),
        ({"url": "https://hooks.example.com/", "event_types": "order.*"}, "event_types"),
        ({"url": "https://hooks.example.com/", "event_types": ["*"], "payload": "huge"}, "payload"),
        ({"url": "https://hooks.example.com/", "event_types": ["*"], "secret": "mine"}, "secret"),
        (
            {
                "url": "https://hooks.example.com/",
                "event_types": ["*"],
                "metadata": {str(n): "" for n in range(17)},
            },
            "metadata",
        ),
        (
            {"url": "https://hooks.example.com/", "event_types": ["*"], "description": "a\u0000b"},
            "description",
        ),
    ],
)
def test_bad_endpoints_are_refused(hooks: Hooks, body: Any, field: str) -> None:
    answer = hooks.app.call("POST", "/webhooks", body, user=hooks.user())
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED"), answer.text
    assert any(detail["field"].startswith(field) for detail in answer.body["error"]["details"])


def test_an_account_has_so_many_endpoints_at_most(hooks: Hooks) -> None:
    user = hooks.user()
    body = {"url": "https://hooks.example.com/", "event_types": ["*"]}
    for _ in range(MAX_WEBHOOKS):
        hooks.app.ok(201, "POST", "/webhooks", body, user=user)
    refused = hooks.app.call("POST", "/webhooks", body, user=user)
    assert (refused.status, refused.code) == (409, "TOO_MANY_WEBHOOKS")


def test_endpoints_of_others_are_not_there(hooks: Hooks, taking: Receiver) -> None:
    user, stranger = hooks.user(), hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    hooks.happen(user)
    hooks.drain()
    (delivery,) = hooks.deliveries(user, webhook)
    path = f"/webhooks/{webhook}"
    one = f"{path}/deliveries/{delivery['id']}"
    calls: list[tuple[str, str, Any]] = [
        *(("GET", path, None), ("PUT", path, {"status": "disabled"}), ("DELETE", path, None)),
        *(("POST", f"{path}/rotate-secret", {}), ("POST", f"{path}/test", None)),
        *(("POST", f"{path}/resend", {"since": "2026-01-01T00:00:00Z"}), ("GET", f"{path}/deliveries", None)),
        *(("GET", one, None), ("POST", f"{one}/redeliver", None)),
    ]
    for method, where, body in calls:
        refused = hooks.app.call(method, where, body, user=stranger)
        assert (refused.status, refused.code) == (404, "NOT_FOUND"), (method, where, refused.text)
    other = hooks.endpoint(stranger, taking.url, "order.*")
    foreign = f"/webhooks/{other}/deliveries/{delivery['id']}"
    assert hooks.app.call("GET", foreign, user=stranger).status == 404
    assert hooks.app.call("POST", f"{foreign}/redeliver", user=stranger).status == 404
    assert hooks.shown(user, webhook)["status"] == "active"


def test_both_secrets_sign_while_they_overlap(hooks: Hooks, taking: Receiver, clock: ShiftedClock) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    old = hooks.secrets[webhook]
    rotated = hooks.app.ok(
        200, "POST", f"/webhooks/{webhook}/rotate-secret", {"overlap_seconds": 200}, user=user
    )
    hooks.happen(user)
    hooks.drain()
    taking.got[0].verify(old)
    taking.got[0].verify(rotated["secret"])
    assert hooks.shown(user, webhook)["previous_secret_until"] is not None
    clock.advance(timedelta(seconds=250))
    hooks.happen(user)
    hooks.drain()
    taking.got[1].verify(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        taking.got[1].verify(old)
    at_once = hooks.app.ok(
        200, "POST", f"/webhooks/{webhook}/rotate-secret", {"overlap_seconds": 0}, user=user
    )
    hooks.happen(user)
    hooks.drain()
    taking.got[2].verify(at_once["secret"])
    with pytest.raises(WebhookVerificationError):
        taking.got[2].verify(rotated["secret"])


def test_a_test_event_is_delivered_and_seen(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    made = hooks.app.ok(202, "POST", f"/webhooks/{webhook}/test", user=user)
    hooks.drain()
    said = taking.got[0].verify(hooks.secrets[webhook])
    assert (said["type"], said["id"]) == ("webhook.test", made["event_id"])
    seen = hooks.app.ok(200, "GET", f"/webhooks/{webhook}/deliveries/{made['id']}", user=user)
    assert (seen["status"], seen["body"].encode()) == ("delivered", taking.got[0].body)


def test_one_delivery_is_sent_again(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    hooks.happen(user)
    hooks.drain()
    (delivery,) = hooks.deliveries(user, webhook)
    hooks.app.ok(202, "POST", f"/webhooks/{webhook}/deliveries/{delivery['id']}/redeliver", user=user)
    hooks.drain()
    assert len(taking.got) == 2
    assert taking.got[0].id == taking.got[1].id
    assert len(hooks.deliveries(user, webhook)[0]["attempts"]) == 2


def test_what_was_missed_while_disabled_is_sent_by_resend(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    since = datetime.now(UTC).isoformat()
    hooks.happen(user)
    hooks.drain()
    disabled = hooks.app.ok(200, "PUT", f"/webhooks/{webhook}", {"status": "disabled"}, user=user)
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "by_owner")
    missed = hooks.happen(user, count=2)
    hooks.drain()
    refused = hooks.app.call("POST", f"/webhooks/{webhook}/resend", {"since": since}, user=user)
    assert (refused.status, refused.code) == (409, "WEBHOOK_DISABLED")
    assert hooks.app.call("POST", f"/webhooks/{webhook}/test", user=user).code == "WEBHOOK_DISABLED"
    hooks.app.ok(200, "PUT", f"/webhooks/{webhook}", {"status": "active"}, user=user)
    hooks.drain()
    hooks.sweep()
    assert len(taking.got) == 1
    answered = hooks.app.ok(202, "POST", f"/webhooks/{webhook}/resend", {"since": since}, user=user)
    assert answered == {"resent": 2, "next_since": None}
    hooks.drain()
    assert {json.loads(got.body)["subject"] for got in taking.got[1:]} == set(missed)
    everything = {"since": since, "deliveries": "all"}
    assert hooks.app.ok(202, "POST", f"/webhooks/{webhook}/resend", everything, user=user)["resent"] == 3
    hooks.drain()
    assert len(taking.got) == 6


@pytest.mark.parametrize(("events", "expected"), [([1] * 7, 3), ([5, 5], 2)])
def test_resending_is_bounded_and_goes_on(
    hooks: Hooks, taking: Receiver, monkeypatch: pytest.MonkeyPatch, events: list[int], expected: int
) -> None:
    """Also from a commit with more events than one call sends again."""
    monkeypatch.setattr("shared.webhooks.requests.MAX_RESENT", 3)
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    since: str | None = datetime.now(UTC).isoformat()
    for count in events:
        hooks.happen(user, count=count)
    hooks.drain()
    calls, sent = 0, 0
    while since is not None and calls < expected:
        body = {"since": since, "deliveries": "all"}
        answered = hooks.app.ok(202, "POST", f"/webhooks/{webhook}/resend", body, user=user)
        since, calls, sent = answered["next_since"], calls + 1, sent + answered["resent"]
    assert since is None and (calls, sent) == (expected, sum(events))


def test_resending_large_events_takes_more_calls(
    hooks: Hooks, taking: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: two thousand events of a quarter of a megabyte, all read by one call."""
    monkeypatch.setattr("shared.webhooks.requests.AT_ONCE", 2)
    monkeypatch.setattr("shared.webhooks.requests.MAX_CHARACTERS", 100)
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    since: str | None = datetime.now(UTC).isoformat()
    for _ in range(6):
        hooks.happen(user, "order.created")
    hooks.drain()
    calls, sent = 0, 0
    while since is not None and calls < 10:
        body = {"since": since, "deliveries": "all"}
        answered = hooks.app.ok(202, "POST", f"/webhooks/{webhook}/resend", body, user=user)
        since, calls, sent = answered["next_since"], calls + 1, sent + answered["resent"]
    assert since is None and calls > 2 and sent >= 6


def test_changes_are_versioned_audited_and_hold_for_what_follows(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    path = f"/webhooks/{webhook}"
    stale = hooks.app.call("PUT", path, {"payload": "thin"}, user=user, headers={"If-Match": '"7"'})
    assert stale.status == 412
    changed = hooks.app.ok(200, "PUT", path, {"event_types": ["claim.*"], "payload": "thin"}, user=user)
    assert (changed["version"], changed["event_types"]) == (2, ["claim.*"])
    assert hooks.app.ok(200, "PUT", path, {"payload": "thin"}, user=user)["version"] == 2
    hooks.happen(user, "order.created")
    hooks.happen(user, "claim.claimed")
    hooks.drain()
    assert [json.loads(got.body)["type"] for got in taking.got] == ["claim.claimed"]
    bad = hooks.app.call("PUT", path, {"url": "https://10.0.0.1/"}, user=user)
    assert (bad.status, hooks.shown(user, webhook)["url"]) == (422, taking.url)
    assert hooks.app.call("DELETE", path, user=user).status == 204
    assert hooks.app.call("GET", path, user=user).status == 404
    hooks.happen(user, "claim.claimed")
    hooks.sweep()
    assert len(taking.got) == 1
    rows = Session(resources.database().snapshot()).many(AUDIT.scan())
    assert {"create_webhook", "update_webhook", "delete_webhook"} <= {row.action for row in rows}


def test_an_event_that_was_sent_again_before_it_was_reached_is_sent_once(
    hooks: Hooks, taking: Receiver
) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    since = datetime.now(UTC).isoformat()
    hooks.happen(user)
    handled, hooks.handled = hooks.handled, len(hooks.published.sent)
    assert (
        hooks.app.ok(202, "POST", f"/webhooks/{webhook}/resend", {"since": since}, user=user)["resent"] == 1
    )
    hooks.handled = handled
    hooks.drain()
    assert len(taking.got) == 1
    assert len(hooks.deliveries(user, webhook)) == 1


def test_deliveries_are_filtered_and_paged(hooks: Hooks, taking: Receiver) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url)
    hooks.happen(user, "order.created", count=3)
    hooks.happen(user, "claim.claimed")
    hooks.drain()
    assert len(hooks.deliveries(user, webhook, "&event_type=claim.claimed")) == 1
    assert hooks.deliveries(user, webhook, "&status=pending") == []
    first = hooks.app.ok(200, "GET", f"/webhooks/{webhook}/deliveries?limit=2", user=user)
    second = hooks.app.ok(
        200, "GET", f"/webhooks/{webhook}/deliveries?limit=2&cursor={first['next_cursor']}", user=user
    )
    ids = [one["id"] for one in (*first["items"], *second["items"])]
    assert len(set(ids)) == 4
    assert first["items"][0]["event_type"] == "claim.claimed"


def test_a_poisonous_event_keeps_none_of_the_others(
    hooks: Hooks, taking: Receiver, clock: ShiftedClock
) -> None:
    user = hooks.user()
    hooks.endpoint(user, taking.url, "order.*")
    (poison,) = hooks.happen(user)

    def picky(sock: Any, got: Any) -> None:
        answer(500 if poison.encode() in got.body else 200)(sock, got)

    taking.behaviour = picky
    hooks.drain()
    others = hooks.happen(user, count=30)
    for _ in range(4):
        clock.advance(timedelta(seconds=3))
        hooks.sweep()
    taken = {json.loads(got.body)["subject"] for got in taking.got}
    assert set(others) <= taken


def test_who_tries_an_endpoint_that_failed_sees_at_once_what_it_does_now(
    hooks: Hooks, taking: Receiver, clock: ShiftedClock
) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    taking.behaviour = answer(503, Retry_After="3600")
    hooks.happen(user, count=3)
    hooks.drain()
    taking.behaviour = answer(200)
    known = len(taking.got)
    clock.advance(timedelta(minutes=1))
    made = hooks.app.ok(202, "POST", f"/webhooks/{webhook}/test", user=user)
    hooks.drain()
    assert taking.got[known].id == made["event_id"]
    assert hooks.shown(user, webhook)["failing_since"] is None
