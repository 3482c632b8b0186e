"""The same events over a WebSocket, for clients that expect one: `GET /api/v1/events/ws?after=…&types=…`.

A browser cannot set headers, so there are three ways to authenticate, in this order:

    the headers of every other request      Authorization or X-API-Key
    a subprotocol                           events.v1, bearer.<token>        the answer chooses events.v1
    the first message, within ten seconds   {"type": "authenticate", "token": "…"}

The server then sends `{"type": "event", "cursor", "event"}`, `{"type": "heartbeat"}`, and `{"type": "end", "reason",
"cursor"}` before it closes. The client must send nothing else: a further message ends the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

from shared import resources
from shared.domain.errors import Refusal
from shared.identity.errors import Unauthenticated
from shared.runtime.clock import new_id
from shared.runtime.errors import Unready
from shared.runtime.operation import API
from shared.triggers import cors, throttle
from shared.triggers.reply import Reply, refused
from shared.triggers.request_parsing import Incoming, headers_of
from shared.triggers.streaming.hub import EventAndCursor, Hub, Stream
from shared.triggers.streaming.sse import SLOWEST, Receive, Send

PATH: Final = f"{API}/events/ws"
STREAM: Final = f"{API}/events/stream"
PROTOCOL, BEARER = "events.v1", "bearer."
FIRST_MESSAGE_SECONDS: Final = 10.0
MAX_UNAUTHENTICATED: Final = 200  # connections at the same time
OF_ONE_NETWORK: Final = 20  # of those, per network, if networks are known
MAX_TEXT: Final = 16 * 1024
NORMAL, POLICY, AWAY, REFUSED = 1000, 1008, 1001, 4000  # REFUSED + the HTTP status
CLOSES: Final = {"token_expired": REFUSED + 401, "sign_in_ended": REFUSED + 401, "going_away": AWAY}
Answer = Callable[[Incoming], Awaitable[Reply]]
_waiting: dict[int, str] = {}  # connection → its network


class Silent(Unauthenticated):
    message = 'The first message must be {"type": "authenticate", "token": …}.'


@dataclass(slots=True)
class _Socket:
    """One connection. The client does not know whether it is accepted until `accept` or `deny`."""

    scope: Mapping[str, Any]
    receive: Receive
    send: Send

    async def accept(self) -> None:
        chosen = PROTOCOL if PROTOCOL in self.scope.get("subprotocols", ()) else None
        await self.send({"type": "websocket.accept", "subprotocol": chosen})

    async def deny(self, reply: Reply) -> None:
        """Answer with an HTTP reply instead of a WebSocket."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.send({"type": "websocket.close", "code": REFUSED + reply.status})
            return
        await self.send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": reply.body.encode()})

    async def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message. Raises TimeoutError if the client does not read."""
        async with asyncio.timeout(SLOWEST):
            await self.send({"type": "websocket.send", "text": json.dumps(message, separators=(",", ":"))})

    async def close(self, code: int) -> None:
        with suppress(OSError, RuntimeError):
            await self.send({"type": "websocket.close", "code": code})


async def serve(
    hub: Hub, scope: MutableMapping[str, Any], receive: Receive, send: Send, answer: Answer
) -> None:
    """Serve one connection from its first to its last message."""
    socket = _Socket(scope, receive, send)
    await receive()  # websocket.connect
    request = _request(scope)
    if scope["path"] != PATH:
        await socket.deny(await answer(replace(request, path=scope["path"])))
        return
    try:
        cors.require(request.headers)
        known = _named(request.headers)
        if known is None:
            _require_room(_network(request))
    except Refusal as refusal:
        await socket.deny(refused(refusal, new_id("req")))
        return
    if known is None:
        await _authenticate(hub, socket, request, answer)
        return
    reply = await answer(replace(request, headers=known))
    if reply.stream is None:
        await socket.deny(reply)
        return
    try:
        await socket.accept()  # fails if the client has left while the operation ran
        await _follow(hub, socket, Stream(reply.stream))
    finally:
        reply.stream.leave()


def _network(request: Incoming) -> str:
    return throttle.network(request.headers, resources.settings().forwarded_hops)


def _require_room(network: str) -> None:
    """Raises Unready if too many connections are unauthenticated. A limit per network stops one network from blocking
    others."""
    of_it = sum(one == network for one in _waiting.values())
    if len(_waiting) >= MAX_UNAUTHENTICATED or (network != throttle.HERE and of_it >= OF_ONE_NETWORK):
        raise Unready("Too many connections that have not said who they are; try again.")


def _request(scope: Mapping[str, Any]) -> Incoming:
    """The HTTP request for the event stream that this connection corresponds to."""
    headers = headers_of(scope["headers"])
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")
    return Incoming("GET", STREAM, headers, query, b"")


def _named(headers: Mapping[str, str]) -> Mapping[str, str] | None:
    """The headers with the credentials, from the headers themselves or from the subprotocols; None if neither has
    any."""
    if "authorization" in headers or "x-api-key" in headers:
        return headers
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    token = next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), None)
    return {**headers, "authorization": f"Bearer {token}"} if token else None


async def _authenticate(hub: Hub, socket: _Socket, request: Incoming, answer: Answer) -> None:
    """Read the first message, and serve the connection if it authenticates."""
    _waiting[id(socket)] = _network(request)
    try:
        await socket.accept()
        token = await _first(socket)
    except Unauthenticated as refusal:
        await _refuse(socket, refused(refusal, new_id("req")))
        return
    finally:
        _waiting.pop(id(socket), None)
    if token is None:
        return
    headers = {**request.headers, "authorization": f"Bearer {token}"}
    reply = await answer(replace(request, headers=headers))
    if reply.stream is None:
        await _refuse(socket, reply)
        return
    await _follow(hub, socket, Stream(reply.stream))


async def _first(socket: _Socket) -> str | None:
    """The token of the first message; None if the client has left. Raises Silent."""
    try:
        async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
            message = await socket.receive()
    except TimeoutError:
        raise Silent from None
    if message["type"] == "websocket.disconnect":
        return None
    text = message.get("text") or ""
    try:
        said = json.loads(text) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError):
        raise Silent from None
    token = said.get("token") if isinstance(said, dict) and said.get("type") == "authenticate" else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Silent
    return token


async def _refuse(socket: _Socket, reply: Reply) -> None:
    await socket.tell({"type": "error", **json.loads(reply.body)})
    await socket.close(REFUSED + reply.status)


async def _follow(hub: Hub, socket: _Socket, stream: Stream) -> None:
    """Send events until the stream ends, the client leaves, or the client sends anything."""
    leaving = asyncio.create_task(_left(stream, socket))
    cursor = None
    try:
        async with aclosing(hub.events(stream)) as events:
            async for batch in events:
                for one in batch:
                    cursor = one[1]
                    await socket.tell(_message(one))
                if not batch:
                    await socket.tell({"type": "heartbeat"})
        if stream.ended not in ("client_left", "client_spoke"):
            await socket.tell({"type": "end", "reason": stream.ended, "cursor": cursor})
        if stream.ended != "client_left":
            code = POLICY if stream.ended == "client_spoke" else CLOSES.get(stream.ended, NORMAL)
            await socket.close(code)
    except TimeoutError:
        await socket.close(POLICY)
    finally:
        stream.subscription.leave()
        leaving.cancel()


def _message(ready: EventAndCursor) -> dict[str, Any]:
    event, cursor = ready
    return {"type": "event", "cursor": cursor, "event": event.model_dump(mode="json")}


async def _left(stream: Stream, socket: _Socket) -> None:
    with suppress(asyncio.CancelledError):
        message = await socket.receive()
        stream.end("client_left" if message["type"] == "websocket.disconnect" else "client_spoke")
