"""The gRPC server: methods, reflection and health, over HTTP/2 without TLS (Cloud Run ends TLS before it).

Operations run on a few threads; event streams need no thread. gRPC passes messages on as bytes, so that an unreadable
message is refused by the same code as every other error.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from schemas.contract import generated, protobuf
from shared.domain.errors import Refusal
from shared.identity.errors import Unauthenticated
from shared.runtime.clock import new_id
from shared.runtime.errors import Unready
from shared.runtime.operation import Operation
from shared.triggers.reply import Reply, refused
from shared.triggers.rpc import status
from shared.triggers.rpc.methods import Bound, Methods, metadata_of
from shared.triggers.rpc.open_services import Health, Reflection
from shared.triggers.streaming.hub import Hub, Stream
from shared.triggers.streaming.sse import SLOWEST
from shared.writes.session_check import SignInEnded

MAX_MESSAGE: Final = 512 * 1024  # bytes; the operation itself accepts 256 KiB of JSON
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.so_reuseport", 0),  # a second server on a port is an error: it would take half of the calls
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)
MAX_CALLS: Final = 4_000  # at the same time
MESSAGE_SECONDS: Final = 10.0  # within which the message of a call must come
Context = Any  # grpc.aio.ServicerContext


class Server:
    """Serves the methods of the given operations at one address; `port` is the listening port after the start."""

    def __init__(self, operations: Mapping[str, Operation], threads: int) -> None:
        interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text(encoding="utf-8"))
        self.methods = Methods(interface, operations)
        self._described = sorted(f"{protobuf.PACKAGE}.{protobuf.service_name(g)}" for g in interface.services)
        self.port = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="operation")
        self._hub: Hub | None = None
        self._server: Any = None

    async def start(self, address: str) -> None:
        """Start to listen. Raises RuntimeError if the address is in use."""
        self._hub = Hub()
        self._server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MAX_CALLS)
        self._server.add_generic_rpc_handlers((_Handler(self),))
        names = sorted(self.methods.services)
        await self._serve_health(names)
        self._serve_reflection()
        self.port = self._server.add_insecure_port(address)
        await self._server.start()

    async def stop(self, grace: float) -> None:
        if self._hub is not None:
            self._hub.close()
        await self._server.stop(grace)

    async def unary(self, bound: Bound, _: Any, context: Context) -> None:
        """Answer one unary call."""
        reply = await self._reply(bound, await _message(context), context)
        await context.send_initial_metadata(metadata_of(reply))
        if reply.status >= 400:
            await _abort(context, reply)
        await context.write(self.methods.answer(bound, reply))

    async def stream(self, bound: Bound, _: Any, context: Context) -> None:
        """Stream the caller's events for one call."""
        reply = await self._reply(bound, await _message(context), context)
        try:
            await context.send_initial_metadata(metadata_of(reply))
            ended = await self._send(bound, reply, context)
        finally:
            _leave(reply)
        refusal = _ending(ended)
        if refusal is not None:
            await _abort(context, refused(refusal, new_id("req")))

    async def _send(self, bound: Bound, reply: Reply, context: Context) -> str:
        """Send events until the stream ends, and return the reason. Aborts the call if there is no stream."""
        if reply.stream is None:
            await _abort(context, reply)
            return ""
        assert self._hub is not None
        stream = Stream(reply.stream)
        try:
            async with aclosing(self._hub.events(stream)) as events:
                async for batch in events:
                    for event, cursor in batch:
                        data = {"cursor": cursor, "event": event.model_dump(mode="json")}
                        async with asyncio.timeout(SLOWEST):
                            await context.write(self.methods.message(bound, data))
        except TimeoutError:
            stream.end("slow")
        return stream.ended

    async def _reply(self, bound: Bound, message: bytes, context: Context) -> Reply:
        """Run the operation on one of the threads. It goes on if the client leaves, but its stream has no reader."""
        run = partial(
            self.methods.run, bound, message, context.invocation_metadata(), context.time_remaining()
        )
        work = self._threads.submit(run)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda done: None if done.cancelled() else _leave(done.result()))
            raise

    async def _serve_health(self, names: list[str]) -> None:
        serving = health_pb2.HealthCheckResponse.SERVING
        servicer = Health()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        for name in ("", *names):
            await servicer.set(name, serving)
        self.methods.pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)

    def _serve_reflection(self) -> None:
        """Serve reflection for the whole interface: behind a balancer, other services serve the other methods."""
        from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

        self.methods.pool.AddSerializedFile(reflection_pb2.DESCRIPTOR.serialized_pb)
        known = (*self._described, health.SERVICE_NAME, reflection.SERVICE_NAME)
        servicer = Reflection(known, pool=self.methods.pool)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, self._server)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds the handler of a method for gRPC; None answers UNIMPLEMENTED."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def service(self, handler_call_details: Any) -> Any:
        bound = self._server.methods.find(handler_call_details.method)
        if bound is None:
            return None
        # On the wire this is also a call with one message and one answer. But the server itself reads the message, and
        # does not wait for it for ever.
        run = self._server.stream if bound.method.streams else self._server.unary
        return grpc.stream_stream_rpc_method_handler(partial(run, bound))


async def _message(context: Context) -> bytes:
    """The message of a call. Aborts the call if none comes in time: the caller is not known before, and could otherwise
    take all the calls that the server handles at once."""
    try:
        async with asyncio.timeout(MESSAGE_SECONDS):
            message = await context.read()
    except TimeoutError:
        await context.abort(
            grpc.StatusCode.DEADLINE_EXCEEDED, "The message of the call did not come in time."
        )
    if not isinstance(message, bytes):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The call has no message.")
    return bytes(message)


def _leave(reply: Reply) -> None:
    """Release the place of the reply's stream, if it has one."""
    if reply.stream is not None:
        reply.stream.leave()


async def _abort(context: Context, reply: Reply) -> None:
    made = rpc_status.to_status(status.of(reply))
    await context.abort(made.code, made.details, trailing_metadata=made.trailing_metadata)


def _ending(reason: str) -> Refusal | None:
    """The status that tells a client why its stream ended; None if it may simply reconnect."""
    if reason == "sign_in_ended":
        return SignInEnded()
    if reason == "token_expired":
        return Unauthenticated()
    return Unready() if reason in ("going_away", "unavailable", "slow") else None


def run(operations: Mapping[str, Operation], address: str, threads: int, grace: float) -> None:
    """Serve until the process is asked to stop (SIGTERM); running calls then have `grace` seconds."""
    asyncio.run(_run(Server(operations, threads), address, grace))


async def _run(server: Server, address: str, grace: float) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start(address)
    await stopping.wait()
    await server.stop(grace)


@contextmanager
def beside(operations: Mapping[str, Operation], address: str, threads: int) -> Iterator[Server]:
    """Run a server on a separate thread for as long as the block runs."""
    server, ready, stop = Server(operations, threads), Future[None](), Future[None]()

    async def serving() -> None:
        try:
            await server.start(address)
        except BaseException as error:
            ready.set_exception(error)
            raise
        ready.set_result(None)
        await asyncio.wrap_future(stop)
        await server.stop(0)

    thread = threading.Thread(target=asyncio.run, args=(serving(),), name="grpc", daemon=True)
    thread.start()
    ready.result()
    try:
        yield server
    finally:
        stop.set_result(None)
        thread.join()
