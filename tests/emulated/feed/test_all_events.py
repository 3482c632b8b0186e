"""Operators' stream of everybody's events: each event once, in order, resumable, for operators only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import resources
from shared.feed import all_events
from shared.feed.user_events import Chunk
from shared.reads import pagination
from shared.triggers.streaming import hub
from tests.emulated.desk.world import Desk
from tests.emulated.feed.streams import Streams, events, nobody_streams, serving, until

PATH = "/api/v1/admin/events/stream"


@pytest.fixture
def streams(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    monkeypatch.setattr(hub, "PAUSE", 0.05)
    with serving(desk) as found:
        yield found


@contextmanager
def stream(streams: Streams, last: str = "", query: str = "") -> Iterator[Iterator[dict[str, str]]]:
    headers = {"Authorization": f"Bearer {streams.desk.app.token('usr_operator', 'operator')}"}
    headers |= {"Last-Event-ID": last} if last else {}
    url = f"http://{streams.url}{PATH}{query}"
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer.iter_lines())


def until_type(told: Iterator[dict[str, str]], kind: str) -> list[dict[str, str]]:
    found = []
    for event in told:
        found.append(event)
        if event["event"] == kind:
            return found
    raise AssertionError(f"no {kind} came")


def test_it_tells_of_all_users_and_goes_on_behind_the_last_id(streams: Streams) -> None:
    desk = streams.desk
    first, second, claimer = desk.shopper(), desk.shopper(), desk.claimer()
    with stream(streams, query="?types=order.created,claim.claimed") as told:
        orders = [desk.order(owner, "0.1")["id"] for owner in (first, second)]
        seen = [next(told), next(told)]
        assert [json.loads(one["data"])["subject"] for one in seen] == orders
        assert [json.loads(one["data"])["data"]["actor"] for one in seen] == [first, second]
        claim = desk.claimed(claimer, orders[1])
        claimed = next(told)
        assert json.loads(claimed["data"])["subject"] == claim["id"]
    with stream(streams, seen[0]["id"], "?types=order.created,claim.claimed") as again:
        assert [next(again), next(again)] == [seen[1], claimed]
    until(nobody_streams)


def test_users_services_and_foreign_cursors_are_refused(streams: Streams) -> None:
    app, url = streams.desk.app, f"http://{streams.url}{PATH}"
    for role in ("user", "service"):
        answer = httpx.get(url, headers={"Authorization": f"Bearer {app.token('usr_1', role)}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert httpx.get(url).status_code == 401
    now = resources.clock().now()
    old, future = (
        pagination.encode(all_events.BINDING, (now + by, "aud_1", 1))
        for by in (timedelta(hours=-25), timedelta(hours=1))
    )
    own = pagination.encode(["events", "usr_operator"], (now, 0, "evt_1"))
    for cursor in (old, future, own, "nonsense"):
        headers = {
            "Authorization": f"Bearer {app.token('usr_operator', 'operator')}",
            "Last-Event-ID": cursor,
        }
        answer = httpx.get(url, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_CURSOR")
    until(nobody_streams)


@pytest.mark.parametrize(("rows", "limit"), [(1_000, 100), (5, 100), (2, 3)])
def test_however_little_is_read_at_once_nothing_is_missed_or_told_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, rows: int, limit: int
) -> None:
    """Spans of the log with more events than one read returns are halved, and reading continues past their ends."""
    began = (resources.clock().now() - timedelta(hours=1), "", 0)
    owner = desk.shopper()
    for _ in range(4):
        desk.order(owner, "0.1")
    whole = all_events.read_from(began, None, 1_000).events
    assert len(whole) >= 6
    monkeypatch.setattr(all_events, "ROWS", rows)
    assert list(_read_on(began, limit)) == [event for event, _ in whole]


def _read_on(position: Any, limit: int) -> Iterator[Any]:
    quiet = 0
    while quiet < 3:
        chunk: Chunk = all_events.read_from(position, None, limit)
        assert chunk.position >= position
        quiet = quiet + 1 if chunk.position == position else 0
        position = chunk.position
        yield from (event for event, _ in chunk.events)
