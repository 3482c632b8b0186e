"""The served chains, as anybody may see them."""

from __future__ import annotations

from schemas.base import Count, Flag, Resource
from shared.chain.registry import ChainSpec
from shared.chain.types import Health
from shared.domain.transactions.fees import FeeKind


class ChainCurrency(Resource):
    """`token_address` is null for the native coin."""

    symbol: str
    token_address: str | None
    decimals: int


class FeeLimits(Resource):
    """Wei per gas; no transaction offers more. `max_fee_per_gas` also limits the legacy gas price."""

    max_fee_per_gas: str
    max_priority_fee_per_gas: str


class ChainHealth(Resource):
    """`behind`: the newest block is older than it should be. A few seconds old at most. The height is null if
    no node answers.
    """

    status: Health
    block_number: Count | None


class ServedChain(Resource):
    """`confirmations` is a number of blocks, or a block tag. `currencies` begins with the native coin. `explorer` is a
    site that shows the chain to people (EIP-3091: `/tx/<hash>`, `/address/<address>`), null if there is none."""

    name: str
    chain_id: Count
    default: Flag
    block_seconds: float
    confirmations: int | str
    fee_kind: FeeKind
    caps: FeeLimits
    currencies: list[ChainCurrency]
    explorer: str | None
    health: ChainHealth

    @classmethod
    def of(cls, spec: ChainSpec, head: tuple[Health, int | None], *, default: bool) -> ServedChain:
        native = ChainCurrency(symbol=spec.symbol, token_address=None, decimals=spec.decimals)
        tokens = [
            ChainCurrency(symbol=one.symbol, token_address=one.address, decimals=one.decimals)
            for one in spec.tokens
        ]
        return cls(
            name=spec.name,
            chain_id=spec.chain_id,
            default=default,
            block_seconds=spec.block_seconds,
            confirmations=spec.confirmations,
            fee_kind=spec.fee_kind,
            caps=FeeLimits(
                max_fee_per_gas=str(spec.caps.max_fee_per_gas),
                max_priority_fee_per_gas=str(spec.caps.max_priority_fee_per_gas),
            ),
            currencies=[native, *tokens],
            explorer=spec.explorer,
            health=ChainHealth(status=head[0], block_number=head[1]),
        )


class ChainList(Resource):
    items: list[ServedChain]
