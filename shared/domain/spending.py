"""What transactions draw from an address's funds while they are unfinished.

An ordinary send commits its value and its maximal gas. A payment's value is committed already, as part of a
reservation: starting it only marks that part as in flight and commits its gas; `funds.book` ends the part
when the supply settles. Every start has one end; what a reorganised chain took back is resumed.
Amounts are base units of the purse's asset, `max_gas` is gas × fee in wei.
"""

from __future__ import annotations

from datetime import datetime

from shared.domain.errors import Refusal
from shared.domain.funds import Funds, InsufficientBalance, InsufficientGas, Purse, add, ended


class FundsCommitted(Refusal):
    code, status, message = "FUNDS_COMMITTED", 409, "The wallet's balance is committed to supplies."


class SettlementUnfunded(Refusal):
    """`data.wallet_id` may name the wallet; nothing was started, the claim stays claimed."""

    code, status, message = "SETTLEMENT_UNFUNDED", 409, "A supplying wallet cannot pay now; top it up."


def start_send(purse: Purse, amount: int, max_gas: int, gas_reserve: int, now: datetime) -> Purse:
    """Commit an ordinary send.

    The settlement gas reserve is demanded only of an address that live supplies draw on. Raises
    InsufficientBalance, InsufficientGas, FundsCommitted, BalanceUnknown.
    """
    coin, value = purse.coin, purse.value
    drawn = max_gas + (0 if purse.token else amount)
    if value.in_flight + amount > value.balance:
        raise InsufficientBalance
    if coin.in_flight + drawn > coin.balance:
        raise InsufficientGas
    reserve = gas_reserve if coin.supplies else 0
    if coin.committed + drawn + reserve > coin.balance or value.committed + amount > value.balance:
        raise FundsCommitted
    return resume_send(purse, amount, max_gas, now)


def resume_send(purse: Purse, amount: int, max_gas: int, now: datetime) -> Purse:
    """Commit a send again that the chain took back."""
    return _draw(purse, amount, amount, max_gas, now)


def end_send(purse: Purse, amount: int, max_gas: int, block: int | None, now: datetime) -> Purse:
    """A send is final in `block`, or never came to the chain (None): whatever it cost is in the balance."""
    return _close(_draw(purse, -amount, -amount, -max_gas, now), block, now)


def start_payment(purse: Purse, amount: int, max_gas: int, now: datetime) -> Purse:
    """Mark a reservation as being paid and commit its gas.

    All that is in flight must fit the balances; what is only promised to other orders does not hinder it.
    Raises SettlementUnfunded, BalanceUnknown.
    """
    coin, value = purse.coin, purse.value
    drawn = max_gas + (0 if purse.token else amount)
    if value.in_flight + amount > value.balance or coin.in_flight + drawn > coin.balance:
        raise SettlementUnfunded
    return resume_payment(purse, amount, max_gas, now)


def resume_payment(purse: Purse, amount: int, max_gas: int, now: datetime) -> Purse:
    """A payment that the chain took back is in flight again."""
    return _draw(purse, 0, amount, max_gas, now)


def end_payment(purse: Purse, amount: int, max_gas: int, block: int | None, now: datetime) -> Purse:
    """A payment is terminal in `block` (None: it never came to the chain), paid or not."""
    return _close(_draw(purse, 0, -amount, -max_gas, now), block, now)


def _draw(purse: Purse, committed: int, in_flight: int, gas: int, now: datetime) -> Purse:
    if purse.token is None:
        return Purse(add(purse.coin, now, committed=committed + gas, in_flight=in_flight + gas))
    return Purse(
        add(purse.coin, now, committed=gas, in_flight=gas),
        add(purse.token, now, committed=committed, in_flight=in_flight),
    )


def _close(purse: Purse, block: int | None, now: datetime) -> Purse:
    token: Funds | None = ended(purse.token, block, now) if purse.token else None
    return Purse(ended(purse.coin, block, now), token)
