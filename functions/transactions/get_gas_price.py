"""Get fee suggestions for the next block: slow, average and fast, within the chain's caps."""

from __future__ import annotations

from schemas.outcomes import FeeOffer, GasPrice, GasPriceQuery
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http


@http(
    "GET",
    "/transactions/gas-price",
    permission="transaction:read",
    others="any",
    request=GasPriceQuery,
    answer=GasPrice,
    needs=("chain",),
)
def get_gas_price(request: GasPriceQuery, caller: Caller) -> GasPrice:
    client = resources.chain(request.chain or resources.settings().default_chain)
    seen = client.fee_snapshot()
    return GasPrice(
        chain=client.spec.name,
        block_number=seen.block_number,
        gas_price=str(seen.gas_price),
        base_fee=None if client.spec.fee_kind == "legacy" else str(seen.base_fee),
        slow=FeeOffer.of(seen.slow),
        average=FeeOffer.of(seen.average),
        fast=FeeOffer.of(seen.fast),
    )
