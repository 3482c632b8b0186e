"""Resolve an ENS name to its current address.

The address is for display: payments take an address, never a name.
"""

from __future__ import annotations

from schemas.names import ResolvedName, ResolveName
from shared import resources
from shared.contracts import names
from shared.domain.permissions import Caller
from shared.runtime.operation import http


@http(
    "GET",
    "/ens/{name}",
    permission="contract:read",
    others="owner",
    request=ResolveName,
    answer=ResolvedName,
    needs=("chain",),
)
def resolve_name(request: ResolveName, caller: Caller) -> ResolvedName:
    client = resources.chain(request.chain or resources.settings().default_chain)
    name = names.normalized(request.name)
    return ResolvedName(name=name, chain=client.spec.name, address=names.address_of(client, name))
