"""The coverage rule: an address must not commit more than it holds on chain.

There is one row per (chain, address, asset) for all users. `committed` is Σ(available + reserved) of live supplies,
plus the value and maximum gas of unfinished transactions; `in_flight` is the part of these transactions. A new
commitment requires `committed + new part + settlement gas reserve ≤ observed balance`; the commit that writes the rows
checks this. The value of a token is committed on the token's row and gas on the native row: a `FundsPair` holds both.
Amounts are in base units, gas in wei.

Balances must be observed at the chain's confirmed depth, where a payment does not appear before it counts as paid
here. An observation older than the newest block that ended a commitment is not valid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple

from shared.domain.desk.supplies import Supply
from shared.domain.errors import Refusal

Uncovered = Literal["INSUFFICIENT_BALANCE", "INSUFFICIENT_GAS"]
NEVER = -1  # the block number of a row without an observation


class InsufficientBalance(Refusal):
    code, status, message = "INSUFFICIENT_BALANCE", 409, "The wallet's balance does not cover this."


class InsufficientGas(Refusal):
    code, status, message = "INSUFFICIENT_GAS", 409, "The wallet's native balance does not cover the gas."


class FundsCommitted(Refusal):
    code, status, message = "FUNDS_COMMITTED", 409, "The wallet's balance is committed to supplies."


class SettlementUnfunded(Refusal):
    """`data.wallet_id` may name the wallet. Nothing was started, and the claim stays claimed."""

    code, status, message = "SETTLEMENT_UNFUNDED", 409, "A wallet that pays cannot pay now; top it up."


class BalanceUnknown(Refusal):
    """There is no valid observation: read the balance again and repeat."""

    code, status, message = (
        "BALANCE_UNKNOWN",
        503,
        "The balance on chain is not known reliably yet; try again.",
    )
    retry_after: ClassVar[float | None] = 1.0


@dataclass(frozen=True, slots=True)
class Funds:
    """The row of an asset of an address. The key is (chain, address, token_address), with "" for the native coin;
    amounts are in base units."""

    chain: str
    address: str
    token_address: str
    committed: int  # by live supplies and unfinished transactions, see above
    in_flight: int  # the part of `committed` that belongs to unfinished transactions
    supplies: int  # live supplies that draw on this row (native: also those of tokens, for gas)
    observed_balance: int  # at the confirmed depth, at observed_block
    observed_block: int  # -1: never observed
    settled_block: int  # an observation older than this block is not valid for coverage; -1: none
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def balance(self) -> int:
        """The last observed balance. Raises BalanceUnknown if there is no valid observation."""
        if self.observed_block == NEVER or self.observed_block < self.settled_block:
            raise BalanceUnknown
        return self.observed_balance


class FundsPair(NamedTuple):
    """The native row of an address, and the token's row if the asset is a token."""

    coin: Funds
    token: Funds | None = None

    @property
    def value(self) -> Funds:
        """The row on which the value of the asset is booked."""
        return self.token or self.coin


def empty(chain: str, address: str, token_address: str | None, now: datetime) -> Funds:
    """A new row for an address and asset without commitments and observations."""
    return Funds(
        chain=chain,
        address=address,
        token_address=token_address or "",
        committed=0,
        in_flight=0,
        supplies=0,
        observed_balance=0,
        observed_block=NEVER,
        settled_block=NEVER,
        version=1,
        created_at=now,
        updated_at=now,
    )


def observe(funds: Funds, balance: int, block: int, now: datetime) -> Funds:
    """The row with the balance at a block; the same row if it already has a newer observation."""
    if block < funds.observed_block or (block, balance) == (funds.observed_block, funds.observed_balance):
        return funds
    return _advance(funds, now, observed_balance=balance, observed_block=block)


def why_uncovered(pair: FundsPair, part: int, gas_reserve: int) -> Uncovered | None:
    """Why the balance does not cover a further `part` (base units); None if it does. Raises BalanceUnknown."""
    coin, token = pair
    if pair.value.committed + part > pair.value.balance:
        return "INSUFFICIENT_BALANCE"
    needed = coin.committed + gas_reserve + (0 if token else part)
    return "INSUFFICIENT_GAS" if needed > coin.balance else None


def require(pair: FundsPair, part: int, gas_reserve: int) -> None:
    """Raises InsufficientBalance, InsufficientGas or BalanceUnknown unless a further `part` is covered."""
    reason = why_uncovered(pair, part, gas_reserve)
    if reason:
        raise InsufficientBalance if reason == "INSUFFICIENT_BALANCE" else InsufficientGas


def commitment(supply: Supply | None) -> int:
    """The amount that a supply commits of its wallet's balance, in base units."""
    if supply is None or not (supply.live or supply.status == "closed"):
        return 0
    return supply.available + supply.reserved


def book(pair: FundsPair, before: Supply, after: Supply, gas_reserve: int, now: datetime) -> FundsPair:
    """Book a change of a supply, and check the coverage if the supply starts, grows or resumes.

    `pair` belongs to the address and asset of the supply. Returns the same rows if the commitment does not change.
    Raises InsufficientBalance, InsufficientGas, BalanceUnknown."""
    part = commitment(after) - commitment(before)
    drawn = int(commitment(after) > 0) - int(commitment(before) > 0)
    if needs_cover(before, after):
        require(pair, part, gas_reserve)
    if not part and not drawn:
        return pair
    if pair.token is None:
        return FundsPair(add(pair.coin, now, committed=part, supplies=drawn))
    coin = add(pair.coin, now, supplies=drawn) if drawn else pair.coin
    return FundsPair(coin, add(pair.token, now, committed=part, supplies=drawn))


def needs_cover(before: Supply, after: Supply) -> bool:
    """Whether the change needs a valid observation, because the supply starts, grows or resumes."""
    grows = (
        before.status != "closed"
        and commitment(after) > commitment(before)
        and after.settled == before.settled
    )
    return grows or (before.status == "paused" and after.status in ("active", "exhausted"))


def underfunded(pair: FundsPair, supplies: Iterable[Supply], gas_reserve: int) -> frozenset[str]:
    """The ids of the live supplies that the balance of this pair's asset does not cover.

    Reserved amounts and amounts in flight are covered first. The rest covers the available amounts of the supplies,
    the oldest supply first. Raises BalanceUnknown.
    """
    live = sorted((s for s in supplies if s.live), key=lambda s: (s.created_at, s.id))
    reserve = 0 if pair.token else gas_reserve
    short_of_gas = pair.token is not None and pair.coin.committed + gas_reserve > pair.coin.balance
    left = pair.value.balance - reserve - pair.value.committed + sum(s.available for s in live)
    short: set[str] = set()
    for supply in live:
        if left < 0 or supply.available > left or short_of_gas:
            short.add(supply.id)
        else:
            left -= supply.available
    return frozenset(short)


def start_send(pair: FundsPair, amount: int, max_gas: int, gas_reserve: int, now: datetime) -> FundsPair:
    """Commit `amount` base units and `max_gas` wei for a transaction that is no payment of a claim.

    The settlement gas reserve is required only if live supplies draw on the address. Raises InsufficientBalance,
    InsufficientGas, FundsCommitted (the rest is committed to supplies), BalanceUnknown."""
    coin, value = pair.coin, pair.value
    drawn = max_gas + (0 if pair.token else amount)
    if value.in_flight + amount > value.balance:
        raise InsufficientBalance
    if coin.in_flight + drawn > coin.balance:
        raise InsufficientGas
    reserve = gas_reserve if coin.supplies else 0
    if coin.committed + drawn + reserve > coin.balance or value.committed + amount > value.balance:
        raise FundsCommitted
    return resume_send(pair, amount, max_gas, now)


def resume_send(pair: FundsPair, amount: int, max_gas: int, now: datetime) -> FundsPair:
    """Commit the same again for a transaction whose end the chain has reversed."""
    return _draw(pair, amount, amount, max_gas, now)


def end_send(pair: FundsPair, amount: int, max_gas: int, block: int | None, now: datetime) -> FundsPair:
    """End the commitment of a transaction that ended in `block`, or never reached the chain (None).

    Balances observed at this block or later already lack whatever it has cost."""
    return _close(_draw(pair, -amount, -amount, -max_gas, now), block, now)


def start_payment(pair: FundsPair, amount: int, max_gas: int, now: datetime) -> FundsPair:
    """Mark the reserved `amount` of a payment as in flight, and commit its gas (`max_gas`, in wei).

    The balances must cover everything in flight; amounts that are only reserved for other orders do not matter.
    Raises SettlementUnfunded, BalanceUnknown."""
    coin, value = pair.coin, pair.value
    drawn = max_gas + (0 if pair.token else amount)
    if value.in_flight + amount > value.balance or coin.in_flight + drawn > coin.balance:
        raise SettlementUnfunded
    return resume_payment(pair, amount, max_gas, now)


def resume_payment(pair: FundsPair, amount: int, max_gas: int, now: datetime) -> FundsPair:
    """Mark the payment as in flight again, because the chain has reversed its end."""
    return _draw(pair, 0, amount, max_gas, now)


def end_payment(pair: FundsPair, amount: int, max_gas: int, block: int | None, now: datetime) -> FundsPair:
    """End the flight of a payment, paid or not, that ended in `block` or never reached the chain (None)."""
    return _close(_draw(pair, 0, -amount, -max_gas, now), block, now)


def _draw(pair: FundsPair, committed: int, in_flight: int, gas: int, now: datetime) -> FundsPair:
    if pair.token is None:
        return FundsPair(add(pair.coin, now, committed=committed + gas, in_flight=in_flight + gas))
    return FundsPair(
        add(pair.coin, now, committed=gas, in_flight=gas),
        add(pair.token, now, committed=committed, in_flight=in_flight),
    )


def _close(pair: FundsPair, block: int | None, now: datetime) -> FundsPair:
    token: Funds | None = ended(pair.token, block, now) if pair.token else None
    return FundsPair(ended(pair.coin, block, now), token)


def add(funds: Funds, now: datetime, *, committed: int = 0, in_flight: int = 0, supplies: int = 0) -> Funds:
    """The row with these numbers added to it; amounts in base units."""
    after = _advance(
        funds,
        now,
        committed=funds.committed + committed,
        in_flight=funds.in_flight + in_flight,
        supplies=funds.supplies + supplies,
    )
    assert min(after.in_flight, after.committed, after.supplies) >= 0, "a funds row became negative"
    return after


def ended(funds: Funds, block: int | None, now: datetime) -> Funds:
    """The row after a commitment ended in this block: older observations are no longer valid."""
    if block is None or block <= funds.settled_block:
        return funds
    return _advance(funds, now, settled_block=block)


def _advance(funds: Funds, now: datetime, **changes: Any) -> Funds:
    return replace(funds, version=funds.version + 1, updated_at=now, **changes)
