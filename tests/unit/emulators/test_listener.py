"""The local gateway sends its answers without delay."""

from __future__ import annotations

import asyncio
import socket

from emulators import gateway


def test_what_is_sent_goes_out_at_once() -> None:
    """Nagle's algorithm with a client's delayed acknowledgement costs 40 ms for each answer."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()

        with gateway.listener(0) as listening:
            async with await asyncio.start_server(handle, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname())
                answer = await asyncio.wait_for(found, 5)
                writer.close()
                return answer

    assert asyncio.run(accepted())
