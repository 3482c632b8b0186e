"""The front door of a product in separate processes: it passes each connection and call to the right process.

A connection that starts with a WebSocket request goes to the streams process, any other to the gateway that forwards
requests; the bytes then pass in both directions. A gRPC call goes to the process of its method's trust.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

HOST: Final = "127.0.0.1"
HEAD_SECONDS, MOST_HEAD = 75.0, 64 * 1024
PIECE: Final = 64 * 1024
_OWN: Final = ("grpc-", ":", "user-agent", "te", "content-type")  # metadata that belongs to one connection


@dataclass(frozen=True)
class Places:
    """The ports of the gateway and of the streams process. `method` returns the port of the process that serves a gRPC
    method, by its path; this may take a while, because the first call starts the process."""

    gateway: int
    streams: int
    method: Callable[[str], int]


def open_doors(port: int, grpc_port: int, places: Places) -> None:
    """Listen on a separate thread until the process ends; without gRPC if `grpc_port` is 0. Raises OSError if a port is
    taken."""
    ready = Future[None]()

    async def stand() -> None:
        try:
            server = await asyncio.start_server(_Relay(places).serve, HOST, port, limit=MOST_HEAD)
            calls = await _calls(grpc_port, places) if grpc_port else None
        except BaseException as error:
            ready.set_exception(error)
            raise
        ready.set_result(None)
        async with server:
            await server.serve_forever()
        del calls

    threading.Thread(target=lambda: asyncio.run(stand()), name="doors", daemon=True).start()
    ready.result()


@dataclass(frozen=True)
class _Relay:
    places: Places

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its last."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as ended:
            head = ended.partial
        except (TimeoutError, OSError):
            head = b""
        except asyncio.LimitOverrunError:
            head = await reader.read(PIECE)  # too long: let the gateway refuse it
        try:
            if head:
                await self._passed(head, reader, writer)
        finally:
            writer.close()

    async def _passed(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_connection(HOST, self._place(head))
        except OSError:
            return  # the gateway is ending
        outer.write(head)
        try:
            await asyncio.gather(_pump(reader, outer), _pump(inner, writer))
        finally:
            outer.close()

    def _place(self, head: bytes) -> int:
        wanted = any(
            name.strip().lower() == b"upgrade" and value.strip().lower() == b"websocket"
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        )
        return self.places.streams if wanted else self.places.gateway


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


async def _calls(port: int, places: Places) -> Any:
    """Start the server that forwards gRPC calls without decoding their messages."""
    import grpc

    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    channels: dict[int, Any] = {}

    async def channel(path: str) -> Any:
        place = await asyncio.to_thread(places.method, path)
        if place not in channels:
            channels[place] = grpc.aio.insecure_channel(f"{HOST}:{place}", options)
        return channels[place]

    class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, handler_call_details: Any) -> Any:
            path = handler_call_details.method

            async def call(messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
                async for message in _answers(await channel(path), path, messages, context):
                    yield message

            return grpc.stream_stream_rpc_method_handler(call)

    server = grpc.aio.server(options=[*options, ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Calls(),))
    server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    return server


async def _answers(
    channel: Any, path: str, messages: AsyncIterator[bytes], context: Any
) -> AsyncIterator[bytes]:
    import grpc

    sent = [(name, value) for name, value in context.invocation_metadata() if not name.startswith(_OWN)]
    call = channel.stream_stream(path)(messages, metadata=sent, timeout=context.time_remaining())
    try:
        await context.send_initial_metadata(tuple(await call.initial_metadata()))
        async for message in call:
            yield message
        context.set_trailing_metadata(tuple(await call.trailing_metadata()))
    except grpc.aio.AioRpcError as error:
        await context.abort(error.code(), error.details(), tuple(error.trailing_metadata() or ()))
    finally:
        call.cancel()
