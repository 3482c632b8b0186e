"""The demo's whole job with a process for each trust behind the local gateway, like the services in production; its
WebSocket and gRPC ports lead to the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from emulators import process
from emulators.client import Api
from emulators.demo import PASSWORD, Demo, check
from emulators.product import Product
from schemas.contract import generated, protobuf
from shared.runtime import operation
from shared.triggers.rpc.methods import Bound, Methods

pytestmark = pytest.mark.timeout(300)  # a dozen processes start


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    os.environ["SEPARATE"] = "trusts"  # undone with the world
    with Product.start(tmp_path_factory.mktemp("separate")) as product:
        yield product


def test_the_demo_runs_across_a_process_for_each_trust(product: Product) -> None:
    steps = Demo(product.url, product.env["RPC_URL"], claimers=20)
    with steps.http:
        summary = steps.run()
    assert check(summary) == [], process.tail(product.workdir / "gateway.log", 100)
    assert (summary["winners"], summary["conflicts"]) == (1, 19)


@pytest.fixture(scope="module")
def token(product: Product) -> Iterator[str]:
    """The token of a user whose feed has an event."""
    api = Api(product.url)
    with api.http:
        api.sign_up("separate@example.com", PASSWORD)
        api.expect(201, "POST", "/wallets", {"name": "till"})
        api.expect(201, "POST", "/supplies", {"currency": "ETH", "amount": "1"})
        assert api.token is not None
        yield api.token


def test_an_upgrade_passes_and_its_refusal_too(product: Product, token: str) -> None:
    url = product.url.replace("http://", "ws://") + "/api/v1/events/ws"
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        assert json.loads(socket.recv(timeout=20))["event"]["type"] == "supply.created"
    with pytest.raises(InvalidStatus) as refused, connect(f"{url}?types=nothing", subprotocols=["bearer.x"]):
        pass
    assert refused.value.response.status_code == 401


def test_a_stream_passes_as_it_comes(product: Product, token: str) -> None:
    url, headers = f"{product.url}/api/v1/events/stream", {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
        assert "event: supply.created" in answer.iter_lines()


def test_calls_of_grpc_reach_the_trust_of_their_method(product: Product, token: str) -> None:
    interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text(encoding="utf-8"))
    methods = Methods(interface, operation.catalog())
    me = (("authorization", f"Bearer {token}"),)

    def bound(path: str) -> tuple[str, Bound]:
        found = methods.find(f"/wallet.v1.{path}")
        assert found is not None
        return f"/wallet.v1.{path}", found

    with grpc.insecure_channel(product.grpc) as channel:
        for path in ("AuthService/GetMe", "SecurityService/GenerateMnemonic"):  # of two trusts
            name, method = bound(path)
            answer, call = channel.unary_unary(name).with_call(b"", metadata=me, timeout=30)
            assert method.answer.FromString(answer) != method.answer(), path
            assert dict(call.initial_metadata())["x-http-status"] == "200"
        name, method = bound("OrdersService/GetOrder")
        with pytest.raises(grpc.RpcError) as missing:
            channel.unary_unary(name)(method.request(order_id="ord_1").SerializeToString(), metadata=me)
        status = rpc_status.from_call(missing.value)
        assert (missing.value.code(), len(status.details) > 1) == (grpc.StatusCode.NOT_FOUND, True)
        name, method = bound("EventsService/StreamEvents")
        stream = channel.unary_stream(name)(b"", metadata=me, timeout=30)
        assert method.answer.FromString(next(stream)).event.type == "supply.created"
        stream.cancel()
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
