"""One fee snapshot per block and chain, shared by all senders: slow, average and fast, from eth_feeHistory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from shared.chain.registry import ChainSpec
from shared.chain.types import parsed
from shared.domain.transactions.fees import Fees, at_most
from shared.domain.transactions.transactions import Speed

BLOCKS: Final = 20
PERCENTILES: Final[dict[Speed, int]] = {"slow": 10, "average": 50, "fast": 90}
LEGACY_PERCENT: Final[dict[Speed, int]] = {"slow": 100, "average": 110, "fast": 125}  # of eth_gasPrice


@dataclass(frozen=True, slots=True)
class FeeSnapshot:
    """Wei per gas, within the chain's caps; `base_fee` is the next block's, 0 on legacy chains."""

    block_number: int
    base_fee: int
    gas_price: int
    slow: Fees
    average: Fees
    fast: Fees

    def at(self, speed: Speed | None) -> Fees:
        return {"slow": self.slow, "average": self.average, "fast": self.fast}[speed or "average"]


def from_history(spec: ChainSpec, history: Any) -> FeeSnapshot:
    """Fees for EIP-1559: twice the next base fee (six full blocks of rises) plus the median tip of recent blocks.

    Empty blocks are left out, because they have no tips. The chain's minimum tip is the lower bound."""
    return parsed(lambda answer: _from_history(spec, answer), history)


def from_gas_price(spec: ChainSpec, block_number: int, gas_price: int) -> FeeSnapshot:
    """Fees for legacy chains: percentages of the node's suggestion, at least the chain's minimum price."""
    prices = {
        speed: at_most(
            Fees(gas_price=max(spec.least_priority_fee, -(-gas_price * percent // 100))), spec.caps
        )
        for speed, percent in LEGACY_PERCENT.items()
    }
    return FeeSnapshot(
        block_number, 0, gas_price, slow=prices["slow"], average=prices["average"], fast=prices["fast"]
    )


def _from_history(spec: ChainSpec, answer: Any) -> FeeSnapshot:
    bases = [int(text, 16) for text in answer["baseFeePerGas"]]
    rewards = answer.get("reward") or []
    used = [
        [int(text, 16) for text in tips]
        for tips, ratio in zip(rewards, answer["gasUsedRatio"], strict=True)
        if ratio > 0
    ]
    fees: dict[Speed, Fees] = {}
    least = 0
    for column, speed in enumerate(PERCENTILES):
        tips = sorted(row[column] for row in used)
        tip = max(spec.least_priority_fee, tips[len(tips) // 2] if tips else 0, least)
        least = tip  # a faster speed never offers less
        fees[speed] = at_most(Fees(2 * bases[-1] + tip, tip), spec.caps)
    newest = int(answer["oldestBlock"], 16) + len(answer["gasUsedRatio"]) - 1
    price = bases[-1] + (fees["average"].max_priority_fee_per_gas or 0)
    return FeeSnapshot(newest, bases[-1], price, fees["slow"], fees["average"], fees["fast"])
