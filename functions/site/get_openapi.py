"""The OpenAPI document of every HTTP route: the generated schemas/openapi.json as it is."""

from __future__ import annotations

from schemas import generated
from shared.http import Reply
from shared.identity.permissions import Caller
from shared.operation import PUBLIC, http

CACHE_SECONDS = 300


@http("GET", "//openapi.json", permission=PUBLIC, shared=True)
def get_openapi(caller: Caller | None) -> Reply:
    return Reply(200, generated.openapi(), {"Cache-Control": f"public, max-age={CACHE_SECONDS}"})
