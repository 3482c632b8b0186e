"""Streams of events over sockets: Server-Sent Events and WebSockets from the asynchronous server."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from shared import resources
from shared.feed import readers, user_events
from shared.reads import pagination
from shared.triggers.streaming import hub, websocket
from tests.emulated.desk.world import Desk
from tests.emulated.feed.streams import SlowOpening, Streams, nobody_streams, serving, until
from tests.support.clock import TestClock
from tests.support.people import People

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
def streams(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    monkeypatch.setattr(hub, "PAUSE", 0.05)
    with serving(desk) as found:
        yield found


def test_a_stream_tells_as_it_happens_and_goes_on_behind_the_last_id(streams: Streams) -> None:
    shopper = streams.desk.shopper()
    with streams.sse(streams.headers(shopper)) as told:
        first = [next(told), next(told)]
        assert [event["event"] for event in first] == ["supply.created", "supply.activated"]
        order = streams.desk.order(shopper, "0.1")
        assert next(told)["event"].startswith("supply.")
        created = next(told)
        assert json.loads(created["data"])["data"] == order
    headers = streams.headers(shopper)
    with streams.sse(headers | {"Last-Event-ID": first[-1]["id"]}, "?types=order.created") as again:
        assert next(again) == created
    until(nobody_streams)


def test_each_sees_the_own_events_only_and_in_order(streams: Streams) -> None:
    """Owner and claimer both receive the event, each in an own version, and never the other's."""
    desk = streams.desk
    shopper, claimer = desk.shopper(), desk.claimer()
    with (
        streams.sse(streams.headers(shopper), "?types=order.created,claim.claimed") as owners,
        streams.sse(streams.headers(claimer), "?types=order.created,claim.claimed") as claimers,
        streams.sse(streams.headers(shopper), "?types=claim.claimed") as twice,
    ):
        orders = [desk.order(shopper, "0.1")["id"] for _ in range(5)]
        seen = [json.loads(next(owners)["data"])["subject"] for _ in orders]
        assert seen == orders
        claim = desk.claimed(claimer, orders[0])
        mine, owners_one = json.loads(next(claimers)["data"]), json.loads(next(owners)["data"])
        assert mine["subject"] == owners_one["subject"] == claim["id"]
        assert json.loads(next(twice)["data"]) == owners_one


@pytest.mark.parametrize("kind", ["sse", "ws"])
def test_cursors_of_others_and_of_the_future_are_refused(streams: Streams, kind: str) -> None:
    user, other = streams.desk.shopper(), streams.desk.shopper()
    foreign = user_events.read(other, None, None, 1).cursor
    later = resources.clock().now() + timedelta(hours=1)
    future = pagination.encode(["events", user], (later, 0, "evt_1"))
    for cursor in (foreign, future, "nonsense"):
        headers = streams.headers(user) | {"Last-Event-ID": cursor}
        if kind == "sse":
            answer = streams.get(headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_CURSOR")
        else:
            with pytest.raises(InvalidStatus) as refused, streams.ws(headers):
                pass
            assert refused.value.response.status_code == 400
    assert nobody_streams()


def test_one_user_does_not_take_all_streams(streams: Streams) -> None:
    user = streams.desk.shopper()
    with ExitStack() as held:
        for _ in range(hub.OF_ONE_USER):
            held.enter_context(streams.ws(streams.headers(user)))
        answer = streams.get(streams.headers(user))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        with streams.sse(streams.headers(streams.desk.shopper())) as told:
            assert next(told)["event"] == "supply.created"
    until(nobody_streams)


def test_few_users_do_not_take_all_streams(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SHORTEST_SECONDS", 0.0)
    greedy = streams.desk.shopper()
    with streams.ws(streams.headers(greedy)) as first, streams.ws(streams.headers(greedy)) as second:
        monkeypatch.setattr(resources.memory(readers.OpenStreams), "places", 2)
        with streams.sse(streams.headers(streams.desk.shopper())) as told:
            assert next(told)["event"] == "supply.created"
            assert last(first)["reason"] == "time" and closed(first) == 1000
            assert not closed_already(second)
    until(nobody_streams)


def closed_already(socket_: ClientConnection) -> bool:
    return socket_.state is not State.OPEN


def test_a_stream_ends_with_its_token_and_with_the_sign_in(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "CHECK", 0.1)
    person = People(streams.desk.app).register()
    bearer = {"Authorization": f"Bearer {person.token}"}
    with streams.ws(bearer) as socket_:
        person.ok(204, "POST", "/auth/logout")
        assert last(socket_) == {"type": "end", "reason": "sign_in_ended", "cursor": None}
        assert closed(socket_) == 4401
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        monkeypatch.setattr(hub, "KEEP_ALIVE", 0.1)
        with streams.ws(streams.headers("usr_late")) as socket_:
            assert json.loads(socket_.recv(timeout=20)) == {"type": "heartbeat"}
            clock.advance(timedelta(minutes=15))
            assert last(socket_)["reason"] == "token_expired"
    until(nobody_streams)


def last(socket_: ClientConnection) -> dict[str, Any]:
    while (message := json.loads(socket_.recv(timeout=20)))["type"] != "end":
        pass
    return dict(message)


def closed(socket_: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as ending:
        while True:
            socket_.recv(timeout=20)
    assert ending.value.rcvd is not None
    return ending.value.rcvd.code


def test_a_websocket_tells_the_same_events(streams: Streams) -> None:
    shopper = streams.desk.shopper()
    with streams.ws(streams.headers(shopper), "?types=supply.activated,order.created") as socket_:
        first = json.loads(socket_.recv(timeout=20))
        assert (first["type"], first["event"]["type"]) == ("event", "supply.activated")
        order = streams.desk.order(shopper, "0.1")
        assert json.loads(socket_.recv(timeout=20))["event"]["data"] == order
    with streams.ws(streams.headers(shopper), f"?after={first['cursor']}&types=order.created") as socket_:
        assert json.loads(socket_.recv(timeout=20))["event"]["subject"] == order["id"]


def test_a_browser_says_who_it_is_by_subprotocol_or_first_message(streams: Streams) -> None:
    shopper = streams.desk.shopper()
    token = streams.desk.app.token(shopper)
    with streams.ws(subprotocols=["events.v1", f"bearer.{token}"]) as socket_:
        assert socket_.subprotocol == "events.v1"
        assert json.loads(socket_.recv(timeout=20))["event"]["type"] == "supply.created"
    with streams.ws() as socket_:
        socket_.send(json.dumps({"type": "authenticate", "token": token}))
        assert json.loads(socket_.recv(timeout=20))["event"]["type"] == "supply.created"
        socket_.send("more")
        assert closed(socket_) == 1008
    until(nobody_streams)


@pytest.mark.parametrize(
    "first",
    ["", "[]", "{}", '{"type": "authenticate"}', '{"type": "authenticate", "token": 5}', "[" * 5000,
     '{"type": "authenticate", "token": "wrong"}', b"\x00\xff"],
)  # fmt: skip
def test_whoever_does_not_say_who_they_are_is_refused(streams: Streams, first: str | bytes) -> None:
    with streams.ws() as socket_:
        socket_.send(first)
        said = json.loads(socket_.recv(timeout=20))
        assert (said["type"], said["error"]["code"]) == ("error", "UNAUTHENTICATED")
        assert closed(socket_) == 4401


def test_whoever_says_nothing_is_let_go(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FIRST_MESSAGE_SECONDS", 0.1)
    with streams.ws() as silent:
        assert closed(silent) == 4401


def test_those_who_say_nothing_are_few(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_UNAUTHENTICATED", 1)
    with streams.ws(), pytest.raises(InvalidStatus) as refused, streams.ws():
        pass
    assert refused.value.response.status_code == 503


def test_who_says_nothing_keeps_out_no_other_network(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "FIRST_MESSAGE_SECONDS", 20.0)
    monkeypatch.setattr(websocket, "OF_ONE_NETWORK", 2)
    behind = replace(resources.settings(), forwarded_hops=1)

    def at(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": f"198.51.100.9, {address}"}

    with resources.override(settings=behind), streams.ws(at("192.0.2.1")), streams.ws(at("192.0.2.1")):
        with pytest.raises(InvalidStatus) as refused, streams.ws(at("192.0.2.1")):
            pass
        assert refused.value.response.status_code == 503
        with streams.ws(at("192.0.2.2")) as other:
            other.send("{}")
            assert json.loads(other.recv(timeout=20))["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("path", ["ws", "stream"])
def test_who_leaves_while_the_stream_opens_holds_no_place(
    streams: Streams, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise eight such connections lock a user out, and those of some hundred users everybody."""
    headers = streams.headers(streams.desk.shopper()) | (UPGRADE if path == "ws" else {})
    opening = SlowOpening.patched(monkeypatch)
    host, port = streams.url.split(":")
    with socket.create_connection((host, int(port))) as leaving:
        lines = [f"GET /api/v1/events/{path} HTTP/1.1", f"Host: {streams.url}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        leaving.sendall("\r\n".join([*lines, "", ""]).encode())
        assert opening.reached.wait(20)
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(2):  # the server has seen the end of that connection before it answers the second one
        assert httpx.get(f"http://{streams.url}/live").json() == {"status": "ok"}
    opening.finish()


def test_pages_of_other_sites_may_not_connect(streams: Streams) -> None:
    headers = streams.headers(streams.desk.shopper())
    chosen = replace(resources.settings(), cors_origins=("https://app.example.com",))
    with resources.override(settings=chosen):
        for origin in ("https://evil.example.com", "null", "https://app.example.com.evil.example.com"):
            with pytest.raises(InvalidStatus) as refused, streams.ws(headers | {"Origin": origin}):
                pass
            assert json.loads(refused.value.response.body)["error"]["code"] == "ORIGIN_NOT_ALLOWED"
        for origin in ("https://app.example.com", f"http://{streams.url}"):
            with streams.ws(headers | {"Origin": origin}) as socket_:
                assert json.loads(socket_.recv(timeout=20))["type"] == "event"


def test_what_is_no_stream_is_answered_as_ever(streams: Streams) -> None:
    headers = streams.headers(streams.desk.person())
    plain = streams.get(headers, "ws")
    assert (plain.status_code, plain.json()["error"]["code"]) == (426, "UPGRADE_REQUIRED")
    assert streams.get({}, "ws").status_code == 401
    assert streams.get(headers, "elsewhere").status_code == 404
    assert httpx.get(f"http://{streams.url}/live").json() == {"status": "ok"}
    url = f"ws://{streams.url}/api/v1/orders/ord_1"
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
        pass
    assert refused.value.response.status_code == 404
    large = httpx.post(f"http://{streams.url}/api/v1/orders/ord_1", content=b"x" * 400_000, timeout=20)
    assert (large.status_code, large.headers["connection"]) == (405, "close")


def test_head_is_answered_like_get_without_body_and_stream(streams: Streams) -> None:
    shopper = streams.desk.shopper()
    headers, order = streams.headers(shopper), streams.desk.order(shopper, "0.1")["id"]
    url = f"http://{streams.url}/api/v1"
    with httpx.Client(timeout=20) as client:
        for user in (headers, {}):
            got, head = (
                client.request(one, f"{url}/orders/{order}", headers=user) for one in ("GET", "HEAD")
            )
            assert (head.status_code, head.content) == (200 if user else 401, b"")
            assert got.status_code == head.status_code and got.content
            for name in ("content-length", "content-type", "etag"):
                assert head.headers.get(name) == got.headers.get(name)
        for _ in range(hub.OF_ONE_USER + 1):  # a stream would be refused at last
            opened = client.head(f"{url}/events/stream", headers=headers)
            assert opened.status_code == 200
            assert opened.headers["content-type"].startswith("text/event-stream")
            assert nobody_streams()
        assert client.head(f"{url}/events/stream").status_code == 401
        assert client.head(f"{url}/events/ws", headers=headers).status_code == 426


@pytest.mark.parametrize("kind", ["stream", "ws"])
def test_who_does_not_read_holds_little_and_is_let_go(
    streams: Streams, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client stops reading: unsent events stay in the database, and its place becomes free."""
    from shared.triggers.streaming import sse

    for module in (sse, websocket):
        monkeypatch.setattr(module, "SLOWEST", 0.3)
    shopper = streams.desk.shopper()
    row = user_events.read(shopper, None, None, 1)
    big = row.events[0][0].model_copy(update={"data": {"x": "y" * 20_000}})
    chunk = user_events.Chunk([(big, row.cursor)] * 100, row.cursor, row.position)
    monkeypatch.setattr(user_events, "read_from", lambda *_: chunk)
    host, port = streams.url.split(":")
    with socket.create_connection((host, int(port))) as client:
        headers = streams.headers(shopper) | (UPGRADE if kind == "ws" else {})
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"GET /api/v1/events/{kind} HTTP/1.1", f"Host: {streams.url}", *lines])
        client.sendall(head.encode() + b"\r\n\r\n")
        read = b""
        while b"y" * 100 not in read:  # it sends events, so it has a place
            read += client.recv(4096)
        until(nobody_streams)
