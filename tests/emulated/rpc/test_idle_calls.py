"""Calls that only stay open: nobody may take all the calls of the gRPC server with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from shared.runtime import operation
from shared.triggers.rpc import open_services, server
from tests.emulated.desk.world import Desk

METHODS = ("/wallet.v1.ChainsService/ListChains", "/wallet.v1.EventsService/StreamEvents")


@pytest.fixture
def channel(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[grpc.Channel]:
    monkeypatch.setattr(server, "MESSAGE_SECONDS", 0.3)
    monkeypatch.setattr(open_services, "REFLECTION_SECONDS", 0.3)
    with (
        server.beside(operation.catalog(), "127.0.0.1:0", 2) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.port}") as found,
    ):
        yield found


@pytest.fixture
def silence() -> Iterator[Iterator[bytes]]:
    """No message, and no end of them before the end of the test."""
    over = threading.Event()

    def messages() -> Iterator[bytes]:
        over.wait(20)
        yield from ()

    yield messages()
    over.set()


@pytest.mark.parametrize("method", METHODS)
def test_a_call_without_a_message_ends(channel: grpc.Channel, silence: Iterator[bytes], method: str) -> None:
    with pytest.raises(grpc.RpcError) as ended:
        list(channel.stream_stream(method)(silence, timeout=20))
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "did not come in time" in ended.value.details()
    with pytest.raises(grpc.RpcError) as ended:
        list(channel.stream_stream(method)(iter(()), timeout=20))
    assert ended.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_health_is_asked_and_not_watched(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="wallet.v1.ChainsService")
    assert stub.Check(request, timeout=20).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as refused:
        next(stub.Watch(request, timeout=20))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_reflection_ends_and_few_are_open_at_once(
    channel: grpc.Channel, silence: Iterator[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    with pytest.raises(grpc.RpcError) as ended:
        list(stub.ServerReflectionInfo(silence, timeout=20))
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    monkeypatch.setattr(open_services, "REFLECTIONS", 0)
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest()]), timeout=20))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
