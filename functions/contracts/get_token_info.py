"""Get the properties of a token: ERC-20, ERC-721 or ERC-1155, name, symbol, decimals and total supply."""

from __future__ import annotations

from schemas.contracts import GetTokenInfo, TokenInfo
from shared import resources
from shared.contracts import read_slots, tokens
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import http


@http(
    "GET",
    "/contracts/token-info",
    permission="contract:read",
    others="owner",
    request=GetTokenInfo,
    answer=TokenInfo,
    needs=("chain",),
)
def get_token_info(request: GetTokenInfo, caller: Caller) -> TokenInfo:
    client = resources.chain(request.chain or resources.settings().default_chain)
    address = parse_address(request.address)
    with read_slots.held(caller):
        found = tokens.describe(client, address)
    return TokenInfo(
        chain=client.spec.name,
        address=address,
        type=found.type,
        name=found.name,
        symbol=found.symbol,
        decimals=found.decimals,
        total_supply=None if found.total_supply is None else str(found.total_supply),
    )
