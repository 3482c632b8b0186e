"""The fees of transactions: EIP-1559's pair or the legacy price, caps, and replacement bumps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from shared.domain.errors import Refusal

FeeKind = Literal["eip1559", "legacy"]


class FeeAboveCap(Refusal):
    code, status, message = "FEE_ABOVE_CAP", 422, "The fee is above this chain's cap."


class InvalidFee(Refusal):
    code, status, message = "INVALID_FEE", 422, "The fee fields do not fit this chain or each other."


class FeeCapReached(Refusal):
    """A replacement would have to offer more than the caps or the committed gas allow (FEE_BLOCKED)."""

    code, status, message = "FEE_CAP_REACHED", 409, "The smallest replacement fee is above the cap."


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas; either the first two (EIP-1559) or the last (legacy) is set."""

    max_fee_per_gas: int | None = None
    max_priority_fee_per_gas: int | None = None
    gas_price: int | None = None

    @property
    def kind(self) -> FeeKind:
        return "legacy" if self.max_fee_per_gas is None else "eip1559"

    @property
    def per_gas(self) -> int:
        """The highest cost of one gas; 0 if nothing is set."""
        return self.max_fee_per_gas if self.max_fee_per_gas is not None else self.gas_price or 0


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """Upper bounds in wei per gas; `max_fee_per_gas` also bounds the legacy price."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int

    def within(self, gas: int, committed_gas: int) -> FeeCaps:
        """These caps, lowered so that gas × fee stays within the committed wei."""
        most = min(self.max_fee_per_gas, committed_gas // gas)
        return FeeCaps(most, min(self.max_priority_fee_per_gas, most))

    def allow(self, fees: Fees) -> bool:
        return (
            fees.per_gas <= self.max_fee_per_gas
            and (fees.max_priority_fee_per_gas or 0) <= self.max_priority_fee_per_gas
        )


def bumped(wei: int) -> int:
    """ceil(1.125 × wei) + 1.

    Nodes require 10 % more on both fields; geth rounds that threshold down and reth up, so exactly 10 % can be
    rejected forever. 12.5 % plus one wei satisfies both."""
    return -(-wei * 9 // 8) + 1


def bump(old: Fees) -> Fees:
    """The smallest fees that may replace an attempt with `old`."""
    return Fees(*(None if wei is None else bumped(wei) for wei in _values(old)))


def replaces(old: Fees, new: Fees) -> bool:
    """Whether `new` may be an attempt after `old` (I4)."""
    pairs = zip(_values(bump(old)), _values(new), strict=True)
    return all((low is None) == (wei is None) and (wei or 0) >= (low or 0) for low, wei in pairs)


def replacement(old: Fees, market: Fees | None, caps: FeeCaps) -> Fees:
    """At least the bump of `old`, up to the market's fees if the caps allow. Raises FeeCapReached."""
    low = bump(old)
    if not caps.allow(low):
        raise FeeCapReached(cap=str(caps.max_fee_per_gas), needed=str(low.per_gas))
    return low if market is None else at_most(_raised(low, market), caps, floor=low)


def at_most(fees: Fees, caps: FeeCaps, floor: Fees | None = None) -> Fees:
    """`fees` reduced to the caps, but never below `floor`; the tip never exceeds the fee (EIP-1559)."""
    if fees.kind == "legacy":
        least = floor.gas_price or 0 if floor else 0
        return Fees(gas_price=max(least, min(fees.per_gas, caps.max_fee_per_gas)))
    low = floor or Fees(0, 0)
    most = max(low.max_fee_per_gas or 0, min(fees.per_gas, caps.max_fee_per_gas))
    tip = min(fees.max_priority_fee_per_gas or 0, caps.max_priority_fee_per_gas, most)
    return Fees(most, max(low.max_priority_fee_per_gas or 0, tip))


def check_chosen(fees: Fees, kind: FeeKind, caps: FeeCaps, *, mixed: bool = False) -> Fees:
    """Check a sender's own fees. Raises InvalidFee (wrong kind, one of a pair, tip above fee) or FeeAboveCap."""
    if mixed or fees.kind != kind:
        raise InvalidFee(f"This chain takes {kind} fees.", fee_kind=kind)
    if any(wei is not None and wei < 0 for wei in _values(fees)):
        raise InvalidFee("A fee cannot be negative.")
    if kind == "eip1559" and fees.max_priority_fee_per_gas is None:
        raise InvalidFee("max_fee_per_gas and max_priority_fee_per_gas come together.")
    if (fees.max_priority_fee_per_gas or 0) > fees.per_gas:
        raise InvalidFee("max_priority_fee_per_gas is above max_fee_per_gas.")
    if not caps.allow(fees):
        raise FeeAboveCap(
            max_fee_per_gas=str(caps.max_fee_per_gas),
            max_priority_fee_per_gas=str(caps.max_priority_fee_per_gas),
        )
    return fees


def _raised(low: Fees, market: Fees) -> Fees:
    if low.kind != market.kind:
        return low
    higher = {
        field.name: max(getattr(low, field.name), getattr(market, field.name) or 0)
        for field in fields(low)
        if getattr(low, field.name) is not None
    }
    return replace(low, **higher)


def _values(fees: Fees) -> tuple[int | None, int | None, int | None]:
    return fees.max_fee_per_gas, fees.max_priority_fee_per_gas, fees.gas_price
