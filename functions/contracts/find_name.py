"""Look up the ENS name of an address (reverse record), if that name also resolves to the address."""

from __future__ import annotations

from schemas.names import FindName, FoundName
from shared import resources
from shared.contracts import names
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import http


@http(
    "GET",
    "/ens/reverse/{address}",
    permission="contract:read",
    others="owner",
    request=FindName,
    answer=FoundName,
    needs=("chain",),
)
def find_name(request: FindName, caller: Caller) -> FoundName:
    client = resources.chain(request.chain or resources.settings().default_chain)
    address = parse_address(request.address)
    return FoundName(address=address, chain=client.spec.name, name=names.name_of(client, address))
