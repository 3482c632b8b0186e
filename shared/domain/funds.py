"""What an address holds on chain against what is promised from it: the coverage rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Funds:
    """One row per (chain, address, token_address) over all users; base units; token_address "" = native coin."""

    chain: str
    address: str
    token_address: str
    committed: (
        int  # Σ(available + reserved) of live supplies + value and maximal gas of unfinished transactions
    )
    in_flight: int  # the part of `committed` that unfinished transactions already carry
    supplies: int  # live supplies that draw on this row (native: also those of tokens, for gas)
    observed_balance: int  # at the confirmed depth, at observed_block
    observed_block: int  # -1: never observed
    settled_block: int  # an observation older than this block is not valid for coverage; -1: none
    version: int
    created_at: datetime
    updated_at: datetime
