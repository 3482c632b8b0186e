"""The attributes of a published event that let subscriptions filter it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.runtime.cloud_event import attributes
from shared.store.tables.webhooks import WEBHOOKS_BY_OWNER
from shared.writes import delivery_marks
from tests.emulated.webhooks.world import Hooks

URL = "https://receiver.example.com/hook"


def told(hooks: Hooks, subjects: list[str]) -> list[str]:
    """The `ce-wakes` attributes of the events about these subjects, after publishing."""
    until = time.monotonic() + 20
    while True:
        known = {
            one["ce-subject"]: one for one in (attributes(sent) for _, sent in list(hooks.published.sent))
        }
        if known.keys() >= set(subjects):
            return [known[one]["ce-wakes"] for one in subjects]
        assert time.monotonic() < until, f"only {known.keys()} was published"
        time.sleep(0.01)


def test_only_an_event_that_an_endpoint_wants_wakes(hooks: Hooks) -> None:
    user, other = hooks.user(), hooks.user()
    assert told(hooks, hooks.happen(user)) == ["no"]
    webhook = hooks.endpoint(user, URL, "order.created")
    assert told(hooks, hooks.happen(user, count=2)) == ["yes", "yes"]
    assert told(hooks, hooks.happen(user, "order.claimed")) == ["no"]
    assert told(hooks, hooks.happen(other)) == ["no"]
    hooks.app.ok(200, "PUT", f"/webhooks/{webhook}", {"status": "disabled"}, user=user)
    assert told(hooks, hooks.happen(user)) == ["no"]


def test_who_cannot_look_has_everybody_asked(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("no store today")

    monkeypatch.setattr(type(WEBHOOKS_BY_OWNER), "below", lambda _, prefixes: broken(prefixes))
    assert told(hooks, hooks.happen(hooks.user())) == ["yes"]


def test_an_earlier_mark_does_not_count() -> None:
    (envelope,) = delivery_marks.marked([{"type": "order.updated", "wakes": "yes"}])
    assert envelope["wakes"] == "no"
