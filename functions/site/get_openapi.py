"""Get the OpenAPI document of all HTTP routes (the generated schemas/openapi.json)."""

from __future__ import annotations

from schemas.contract import generated
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.reply import Reply

CACHE_SECONDS = 300


@http("GET", "//openapi.json", permission=PUBLIC, shared=True)
def get_openapi(caller: Caller | None) -> Reply:
    return Reply(200, generated.openapi(), {"Cache-Control": f"public, max-age={CACHE_SECONDS}"})
