"""Which asset a request means, and what its chain asks of a supplying wallet."""

from __future__ import annotations

from shared import resources
from shared.domain.money import Asset


def of(chain: str | None, currency: str) -> Asset:
    """The asset of a symbol or token address; the deployment's default chain when none is named.

    Raises UnknownChain, UnsupportedCurrency (422)."""
    return resources.registry().currency(chain or resources.settings().default_chain, currency)


def gas_reserve(chain: str) -> int:
    """Wei that a supplying wallet keeps for one payout."""
    return resources.registry().chain(chain).settlement_gas_reserve


def symbol(chain: str | None, currency: str | None) -> str | None:
    """What lists filter by: rows hold the registry's symbol, callers may also name a token's address."""
    if currency is None or not currency.startswith("0x"):
        return currency
    return of(chain, currency).symbol
