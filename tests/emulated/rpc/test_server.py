"""The gRPC server over a socket: what a client sees in addition to messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from shared import resources
from shared.feed import user_events
from shared.feed.readers import OpenStreams, WaitingLists
from shared.reads import pagination
from shared.runtime import operation
from shared.triggers.rpc import server
from shared.triggers.streaming import hub
from tests.emulated.desk.world import Desk
from tests.emulated.feed.streams import SlowOpening
from tests.emulated.rpc.doors import unpacked
from tests.support.clock import TestClock


class Client:
    """A client that knows only the reflection data."""

    def __init__(self, port: int, desk: Desk) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.max_send_message_length", -1)])
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(self.database)
        self.desk = desk

    def method(self, service: str, name: str) -> Any:
        return self.pool.FindServiceByName(f"wallet.v1.{service}").methods_by_name[name]

    def call(self, service: str, name: str, user: str | None = None, *metadata: Any, **fields: Any) -> Any:
        """(message, call)."""
        seconds = fields.pop("seconds", 20)
        method = self.method(service, name)
        answer, request = GetMessageClass(method.output_type), GetMessageClass(method.input_type)(**fields)
        stub = self.channel.unary_unary(
            f"/wallet.v1.{service}/{name}", type(request).SerializeToString, answer.FromString
        )
        return stub.with_call(request, timeout=seconds, metadata=(*self.bearer(user), *metadata))

    def stream(self, user: str | None, *metadata: Any, **fields: Any) -> Any:
        method = self.method("EventsService", "StreamEvents")
        answer, request = GetMessageClass(method.output_type), GetMessageClass(method.input_type)(**fields)
        stub = self.channel.unary_stream(
            "/wallet.v1.EventsService/StreamEvents", type(request).SerializeToString, answer.FromString
        )
        return stub(request, timeout=30, metadata=(*self.bearer(user), *metadata))

    def raw(self, path: str, message: bytes, user: str | None = None, **more: Any) -> Any:
        return self.channel.unary_unary(path)(message, metadata=self.bearer(user), **{"timeout": 20} | more)

    def bearer(self, user: str | None) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.desk.app.token(user)}"),) if user else ()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with server.beside(operation.catalog(), "127.0.0.1:0", 4) as running:
        made = Client(running.port, desk)
        try:
            yield made
        finally:
            made.channel.close()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def refused(error: Any, code: grpc.StatusCode, reason: str) -> Any:
    """The status of a refusal."""
    found = rpc_status.from_call(error.value)
    assert (error.value.code(), found and unpacked(found, error_details_pb2.ErrorInfo).reason) == (
        code,
        reason,
    )
    return found


GET_ORDER = "/wallet.v1.OrdersService/GetOrder"


def test_a_client_finds_out_what_there_is(client: Client) -> None:
    services = set(client.database.get_services())
    assert {"wallet.v1.OrdersService", "grpc.health.v1.Health"} <= services
    health = health_pb2_grpc.HealthStub(client.channel)
    for name in ("", "wallet.v1.ClaimsService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        client.raw("/wallet.v1.OrdersService/StealOrder", b"")
    assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_metadata_carry_what_headers_do(client: Client) -> None:
    shopper = client.desk.shopper(supply=None)
    key, name = ("idempotency-key", "one"), ("x-request-id", "mine-1")
    made, call = client.call(
        "SuppliesService", "CreateSupply", shopper, key, name, currency="ETH", amount="1"
    )
    seen = dict(call.initial_metadata())
    assert (seen["x-http-status"], seen["x-request-id"], seen["etag"]) == ("201", "mine-1", '"1"')
    assert seen["location"].endswith(made.id) and "x-ratelimit-limit" not in seen
    again, call = client.call("SuppliesService", "CreateSupply", shopper, key, currency="ETH", amount="1")
    assert again == made and dict(call.initial_metadata())["idempotent-replayed"] == "true"
    with pytest.raises(grpc.RpcError) as reused:
        client.call("SuppliesService", "CreateSupply", shopper, key, currency="ETH", amount="2")
    refused(reused, grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED")


def test_what_cannot_be_done_says_why(client: Client) -> None:
    user = client.desk.person()
    with pytest.raises(grpc.RpcError) as nobody:
        client.call("OrdersService", "GetOrder", order_id="ord_1")
    refused(nobody, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    with pytest.raises(grpc.RpcError) as missing:
        client.call("OrdersService", "GetOrder", user, order_id="ord_1")
    found = refused(missing, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert unpacked(found, error_details_pb2.RequestInfo).request_id.startswith("req_")
    with pytest.raises(grpc.RpcError) as nameless:
        client.call("OrdersService", "GetOrder", user)
    found = refused(nameless, grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    assert unpacked(found, error_details_pb2.BadRequest).field_violations[0].field == "order_id"
    with pytest.raises(grpc.RpcError) as keyless:
        client.call("OrdersService", "PlaceOrder", user, currency="ETH")
    refused(keyless, grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (b"\xff\xff", "INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        (b"\x0a\x02\xff\xfe", "INVALID_ARGUMENT", "MALFORMED_REQUEST"),  # not UTF-8
        (b"\x0a\x05ord_1\xf8\x3f\x01", "INVALID_ARGUMENT", "VALIDATION_FAILED"),  # field 1023
        (b"\x08\x01", "INVALID_ARGUMENT", "VALIDATION_FAILED"),  # a number in place of the text
    ],
)
def test_bytes_that_are_no_such_message_are_refused(
    client: Client, message: bytes, code: str, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as bad:
        client.raw(GET_ORDER, message, client.desk.person())
    refused(bad, grpc.StatusCode[code], reason)


def test_messages_that_are_too_large_are_refused(client: Client) -> None:
    user, key = client.desk.person(), ("idempotency-key", "large")
    with pytest.raises(grpc.RpcError) as large:
        client.call("SecurityService", "ValidateMnemonic", user, key, mnemonic="x" * 300_000)
    refused(large, grpc.StatusCode.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE")
    with pytest.raises(grpc.RpcError) as larger:
        client.raw(GET_ORDER, b"x" * (server.MAX_MESSAGE + 1), user)
    assert larger.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_limits_are_those_of_http(client: Client) -> None:
    chosen = replace(resources.settings(), rate_limits={"list_chains": 1})
    with resources.override(settings=chosen):
        resources.reset("limiter")
        client.call("ChainsService", "ListChains")
        with pytest.raises(grpc.RpcError) as second:
            client.call("ChainsService", "ListChains")
    found = refused(second, grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert unpacked(found, error_details_pb2.RetryInfo).retry_delay.seconds > 0


def test_a_deadline_ends_what_waits(client: Client) -> None:
    user = client.desk.person()
    started = time.monotonic()
    for _ in range(4):  # one user has two places
        try:
            message, _ = client.call("EventsService", "ListEvents", user, seconds=0.2, wait=20)
            assert list(message.items) == []  # just in time, the answer said that there is nothing
        except grpc.RpcError as late:
            assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        until(lambda: resources.memory(WaitingLists).count == 0)
    assert time.monotonic() - started < 20, "each alone would wait as long"


def test_events_come_as_they_happen_and_go_on_behind_a_cursor(client: Client) -> None:
    shopper, other = client.desk.shopper(), client.desk.shopper()
    stream = client.stream(shopper)
    first = [next(stream), next(stream)]
    assert [one.event.type for one in first] == ["supply.created", "supply.activated"]
    threading.Timer(0.3, client.desk.order, (shopper, "0.1")).start()
    while (told := next(stream)).event.type != "order.created":
        pass
    assert told.event.data["amount"] == "0.1"
    stream.cancel()
    rest = client.stream(shopper, ("last-event-id", first[0].cursor))
    assert next(rest) == first[1]
    rest.cancel()
    with pytest.raises(grpc.RpcError) as foreign:
        next(client.stream(other, after=first[0].cursor))
    refused(foreign, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CURSOR")
    with pytest.raises(grpc.RpcError) as nobody:
        next(client.stream(None))
    refused(nobody, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_a_stream_ends_with_the_token(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "KEEP_ALIVE", 0.1)
    user = client.desk.shopper()
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        stream = client.stream(user)
        next(stream)
        clock.advance(timedelta(minutes=15))
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
        refused(ended, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
        until(lambda: resources.memory(OpenStreams).count == 0)
        later = pagination.encode(["events", user], (clock.now() + timedelta(hours=1), 0, "evt_1"))
        with pytest.raises(grpc.RpcError) as future:
            next(client.stream(user, after=later))
        refused(future, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CURSOR")


def test_who_does_not_read_a_stream_is_let_go(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SLOWEST", 0.3)
    shopper = client.desk.shopper()
    row = user_events.read(shopper, None, None, 1)
    big = row.events[0][0].model_copy(update={"data": {"x": "y" * 20_000}})
    places = count()  # there are always more
    monkeypatch.setattr(
        user_events,
        "read_from",
        lambda *_: user_events.Chunk(
            [(big, row.cursor)] * 100, row.cursor, (*row.position[:-1], next(places))
        ),
    )
    stream = client.stream(shopper)
    next(stream)
    until(lambda: resources.memory(OpenStreams).count == 0)
    stream.cancel()


def test_streams_that_end_give_their_places_back(client: Client) -> None:
    user = client.desk.shopper()
    open_ones = [client.stream(user) for _ in range(8)]
    for one in open_ones:
        next(one)
    with pytest.raises(grpc.RpcError) as ninth:
        next(client.stream(user))
    found = refused(ninth, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    assert unpacked(found, error_details_pb2.RetryInfo).retry_delay.seconds == 5
    for one in open_ones:
        one.cancel()
    until(lambda: resources.memory(OpenStreams).count == 0)


def test_a_call_that_is_cancelled_while_its_stream_opens_holds_no_place(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = client.desk.shopper()
    opening = SlowOpening.patched(monkeypatch)
    stream = client.stream(user)
    assert opening.reached.wait(20)
    stream.cancel()
    client.call("ChainsService", "ListChains")  # the server has seen the end of that call
    opening.finish()
