"""Server-Sent Events: the wire format (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing, suppress
from typing import Any, Final

from shared.triggers.streaming.hub import EventAndCursor, Hub, Stream
from shared.triggers.streaming.subscription import Subscription

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
FIRST: Final = "retry: 1000\n\n"
STILL_HERE: Final = ": still here\n\n"
SLOWEST: Final = 60.0  # seconds that a client may take to read the events that are ready


def piece(ready: EventAndCursor) -> str:
    """An event in the wire format."""
    event, cursor = ready
    return f"id: {cursor}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"


async def respond(
    hub: Hub, subscription: Subscription, headers: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Send the stream until it ends or the client leaves. Raises TimeoutError if the client does not read."""
    stream = Stream(subscription)
    leaving = asyncio.create_task(_left(stream, receive))
    try:
        async with aclosing(hub.events(stream)) as events:
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await _send(send, FIRST)
            async for batch in events:
                await _send(send, "".join(map(piece, batch)) or STILL_HERE)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:  # the client does not read; it notices the incomplete response
        stream.end("slow")
        raise
    finally:
        subscription.leave()
        leaving.cancel()


async def _send(send: Send, text: str) -> None:
    """Send a text. Raises TimeoutError if the client does not read."""
    async with asyncio.timeout(SLOWEST):
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _left(stream: Stream, receive: Receive) -> None:
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
        stream.end("client_left")
