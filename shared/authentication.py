"""Who is calling: a bearer token, or nobody for a public operation. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping

from shared import resources
from shared.identity.errors import Unauthenticated
from shared.identity.permissions import Caller
from shared.operation import PUBLIC


def caller(headers: Mapping[str, str], permission: str) -> Caller | None:
    """The caller that the headers prove; None for a public operation.

    Raises Unauthenticated (401) without a valid credential."""
    if permission == PUBLIC:
        return None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated()
    return resources.tokens().verify(token.strip(), resources.clock().now())
