"""Health and reflection. Anybody may call them without a credential, so their calls do not stay open: a client could
otherwise take all the calls that the server handles at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

REFLECTIONS: Final = 64  # at the same time
REFLECTION_SECONDS: Final = 60.0


class Health(health.aio.HealthServicer):  # type: ignore[misc]
    """Health by `Check`. Clients that want to watch it go on without when `Watch` is not implemented."""

    async def Watch(self, request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Health is not watched; call Check.")


class Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc]
    """Reflection, for a limited time and number of calls."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._open = 0

    async def ServerReflectionInfo(self, request_iterator: AsyncIterator[Any], unused_context: Any) -> None:
        context = unused_context
        if self._open >= REFLECTIONS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many reflections at once; try again."
            )
        self._open += 1
        try:
            async with asyncio.timeout(REFLECTION_SECONDS):
                async for answer in super().ServerReflectionInfo(request_iterator, context):
                    await context.write(answer)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "A reflection takes a minute at most.")
        finally:
            self._open -= 1
