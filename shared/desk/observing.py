"""What a supply's address holds on chain, at the chain's confirmed depth. Asked outside of any transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import resources
from shared.domain.supplies import Supply

if TYPE_CHECKING:
    from shared.engine.purses import Observed


def observe(supply: Supply) -> Observed:
    """Balances in base units at one block. Raises ChainError when no node answers."""
    from shared.engine.asking import balances

    return balances(resources.chain(supply.chain), supply.address, supply.token_address)
