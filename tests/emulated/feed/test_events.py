"""The event feed: pages, waiting, and the stream."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from emulators.client import wait_for
from shared import resources
from shared.feed import readers, user_events
from shared.feed.readers import OpenStreams, WaitingLists
from shared.runtime import operation
from shared.triggers import entrypoint
from shared.triggers.request_parsing import Incoming
from shared.triggers.streaming import threaded
from shared.triggers.streaming.threaded import ThreadedStream
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.people import People


def test_the_feed_goes_on_where_it_was_left(desk: Desk) -> None:
    shopper = desk.shopper()
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        desk.order(shopper, "0.1")
        page = desk.get(f"/events?limit=100{cursor}", shopper)
        seen += [event["type"] for event in page["items"]]
        cursor = f"&after={page['cursor']}"
    assert desk.get(f"/events?limit=100{cursor}", shopper)["items"] == []
    assert seen == ["supply.created", "supply.activated", *["supply.updated", "order.created"] * 3]
    one_by_one, cursor = [], ""
    while page := desk.get(f"/events?limit=1{cursor}", shopper):
        if not page["items"]:
            break
        one_by_one += [event["type"] for event in page["items"]]
        cursor = f"&after={page['cursor']}"
    assert one_by_one == seen
    orders = desk.get("/events?types=order.created,order.cancelled&limit=100", shopper)["items"]
    assert [event["type"] for event in orders] == ["order.created"] * 3
    assert {"id", "source", "type", "subject", "time", "sequence", "data", "specversion"} <= orders[0].keys()
    assert desk.get("/events", desk.person())["items"] == []


@pytest.mark.parametrize("types", ["order.nothing", "order", "", "order.created,", "nothing.*"])
def test_a_filter_by_what_no_event_is_names_those_that_there_are(desk: Desk, types: str) -> None:
    for path in ("/events", "/events/stream"):
        answer = desk.app.call("GET", f"{path}?types={types}", user=desk.person())
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
        assert answer.body["error"]["details"][0]["field"] == "types"
        assert not types or "order.created" in answer.body["error"]["data"]["known"]


def test_a_filter_takes_all_events_of_one_kind(desk: Desk) -> None:
    shopper = desk.shopper()
    desk.order(shopper, "0.1")
    found = desk.get("/events?types=order.*,supply.created", shopper)["items"]
    assert {event["type"] for event in found} == {"supply.created", "order.created"}


def test_waiting_ends_with_the_first_event(desk: Desk) -> None:
    shopper = desk.shopper()
    cursor = desk.get("/events?limit=100", shopper)["cursor"]
    started = time.monotonic()
    assert desk.get(f"/events?after={cursor}&wait=0.3", shopper)["items"] == []
    assert time.monotonic() - started >= 0.3
    later = threading.Timer(0.5, desk.order, (shopper, "0.1"))
    later.start()
    started = time.monotonic()
    page = desk.get(f"/events?after={cursor}&wait=20&types=order.created", shopper)
    assert time.monotonic() - started < 20, "it ends with the event, not with its time"
    later.join()
    assert [event["type"] for event in page["items"]] == ["order.created"]


def test_head_does_not_wait(desk: Desk) -> None:
    shopper = desk.shopper()
    cursor = desk.get("/events?limit=100", shopper)["cursor"]
    began = time.monotonic()
    answer = desk.app.call("HEAD", f"/events?after={cursor}&wait=30", user=shopper)
    assert answer.status == 200 and time.monotonic() - began < 10


def test_who_waits_in_many_requests_leaves_threads_to_others(desk: Desk) -> None:
    greedy, other = desk.shopper(), desk.shopper()
    cursors = {user: desk.get("/events?limit=100", user)["cursor"] for user in (greedy, other)}

    def wait(user: str, seconds: float) -> tuple[int, str | None]:
        answer = desk.app.call("GET", f"/events?after={cursors[user]}&wait={seconds}", user=user)
        return answer.status, answer.code if answer.status != 200 else None

    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(wait, greedy, 20) for _ in range(2)]
        wait_for("both to wait", lambda: resources.memory(WaitingLists).count == 2, 20.0, 0.01)
        assert [wait(greedy, 20) for _ in range(3)] == [(429, "TOO_MANY_STREAMS")] * 3
        assert wait(other, 0.1) == (200, None)
        desk.order(greedy, "0.1")  # they end with it
        assert [one.result() for one in waiting] == [(200, None)] * 2
    assert wait(greedy, 0.1) == (200, None), "their places are given back"


def test_large_events_do_not_fill_the_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a hundred events of a quarter of a megabyte in one page, in several requests at once."""
    shopper = desk.shopper()
    for _ in range(5):
        desk.order(shopper, "0.01")
    wanted = [event["id"] for event in desk.get("/events?limit=100", shopper)["items"]]
    monkeypatch.setattr(user_events, "FIRST", 2)
    monkeypatch.setattr(user_events, "MAX_CHARACTERS", 1_000)
    found: list[str] = []
    page, pages = desk.get("/events?limit=100", shopper), 0
    while page["items"]:
        found, pages = found + [event["id"] for event in page["items"]], pages + 1
        page = desk.get(f"/events?limit=100&after={page['cursor']}", shopper)
    assert found == wanted and pages > 1


def test_few_users_do_not_take_all_places(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: four accounts wait in two requests each, and nobody else could wait on this instance."""
    monkeypatch.setattr(readers, "SHORTEST_SECONDS", 0.0)
    users = [desk.shopper() for _ in range(5)]
    cursors = {user: desk.get("/events?limit=100", user)["cursor"] for user in users}

    def wait(user: str, seconds: float) -> tuple[int, Any]:
        answer = desk.app.call("GET", f"/events?after={cursors[user]}&wait={seconds}", user=user)
        return answer.status, answer.code if answer.status != 200 else answer.body["items"]

    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(wait, user, 25) for user in users[:4] for _ in range(2)]
        wait_for("all places to be taken", lambda: resources.memory(WaitingLists).count == 8, 20.0, 0.01)
        assert wait(users[4], 0.1) == (200, [])
        wait_for("one to make room", lambda: sum(one.done() for one in waiting) == 1, 20.0, 0.01)
        assert [one.result() for one in waiting if one.done()] == [(200, [])], "asked to come again"
        for user in users[:4]:
            desk.order(user, "0.1")
        assert all(one.result()[0] == 200 for one in waiting)
    assert resources.memory(WaitingLists).count == 0


def stream(desk: Desk, user: str, query: dict[str, list[str]], last: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {desk.app.token(user)}"} | ({"last-event-id": last} if last else {})
    incoming = Incoming("GET", "/api/v1/events/stream", headers, query, b"")
    reply = entrypoint.answer(operation.load("stream_events"), incoming)
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    return ThreadedStream(reply.stream)


def take(pieces: Any, count: int) -> list[dict[str, str]]:
    """Read this many events of a stream, like a browser."""
    found: list[dict[str, str]] = []
    while len(found) < count:
        lines = [line.split(": ", 1) for line in next(pieces).strip().split("\n")]
        fields = {name: value for name, value in lines if name}
        if "data" in fields:
            found.append(fields)
    return found


def test_a_stream_tells_as_it_happens_and_goes_on_behind_the_last_id(desk: Desk) -> None:
    shopper = desk.shopper()
    pieces = stream(desk, shopper, {})
    first = take(pieces, 2)
    assert [event["event"] for event in first] == ["supply.created", "supply.activated"]
    order = desk.order(shopper, "0.1")
    _, created = take(pieces, 2)
    assert json.loads(created["data"])["data"] == order
    pieces.close()
    again = stream(desk, shopper, {}, last=first[-1]["id"])
    assert take(again, 2)[1] == created
    again.close()
    only = stream(desk, shopper, {"types": ["order.created"]})
    assert take(only, 1) == [created]
    only.close()


def opened(desk: Desk, token: str) -> Any:
    incoming = Incoming("GET", "/api/v1/events/stream", {"authorization": f"Bearer {token}"}, {}, b"")
    reply = entrypoint.answer(operation.load("stream_events"), incoming)
    if reply.stream is not None:
        reply.stream = ThreadedStream(reply.stream)
    return reply


def test_an_instance_keeps_some_streams_and_gives_places_back(desk: Desk) -> None:
    open_ones = [opened(desk, desk.app.token(desk.person())) for _ in range(9)]
    assert [reply.status for reply in open_ones] == [200] * 8 + [503]
    for reply in open_ones[:8]:
        reply.stream.close()
    again = opened(desk, desk.app.token(desk.person()))
    assert again.status == 200
    again.stream.close()
    assert resources.settings().local


def test_one_user_does_not_take_all_streams(desk: Desk) -> None:
    """A15: eight streams of one user locked out all others."""
    user = desk.person()
    open_ones = [opened(desk, desk.app.token(user)) for _ in range(8)]
    assert [reply.status for reply in open_ones] == [200] * 2 + [429] * 6
    other = opened(desk, desk.app.token(desk.person()))
    assert other.status == 200
    for reply in (*open_ones[:2], other):
        reply.stream.close()


def test_a_stream_ends_with_its_token_and_with_the_sign_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A15: a stream outlived its token."""
    person = People(desk.app).register()
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        pieces = opened(desk, person.token).stream
        assert next(pieces)
        clock.advance(timedelta(minutes=15))
        assert list(pieces) == []
        monkeypatch.setattr(threaded, "CHECK", 0.0)
        token = desk.app.ok(200, "POST", "/auth/refresh", {"refresh_token": person.refresh_token})["token"]
        pieces = opened(desk, token).stream
        assert next(pieces)
        person.token = token
        person.ok(204, "POST", "/auth/logout")
        assert list(pieces) == []
        assert resources.memory(OpenStreams).count == 0
