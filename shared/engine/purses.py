"""The funds rows that transactions draw on: read with the rest of a body, booked in memory, written once.

The engine starts, ends and resumes what a transaction commits, payments included; a supply's own part (the
amount that a payment settles) is booked by whoever settles the supply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain import funds, spending
from shared.domain.funds import Funds, Purse
from shared.domain.transactions import Transaction
from shared.store.port import Key
from shared.store.supplies import FUNDS
from shared.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Observed:
    """Balances of an address at a confirmed height: wei, and base units where a token is meant."""

    block: int
    coin: int
    token: int | None = None


def keys(address: str, chain: str, token_address: str | None) -> list[Key]:
    """The keys of an address's purse for an asset: the native row, and the token's."""
    found: list[Key] = [(address, chain, "")]
    return [*found, (address, chain, token_address)] if token_address else found


class Purses:
    """The purses of one body's transactions; what is put back is written."""

    def __init__(self, unit: UnitOfWork, rows: list[Funds]) -> None:
        self._unit = unit
        self._rows = {FUNDS.key_of(row): row for row in rows}

    @classmethod
    def of(cls, unit: UnitOfWork, transactions: Iterable[Transaction]) -> Purses:
        """Read, in one go, what these transactions draw on; nothing for those that commit nothing."""
        wanted = {key: None for one in transactions if commits(one) for key in _keys_of(one)}
        return cls(unit, unit.many(FUNDS.get_many(wanted)) if wanted else [])

    def get(self, address: str, chain: str, token_address: str | None) -> Purse:
        """The purse as the unit has it now (a settled supply books on it too); empty rows for what is unknown."""
        rows = [
            self._rows.get(key) or funds.empty(chain, address, str(key[2]) or None, self._unit.now)
            for key in keys(address, chain, token_address)
        ]
        return Purse(*(self._unit.latest(row) for row in rows))

    def put(self, purse: Purse) -> None:
        for row in purse:
            if row is not None:
                self._rows[FUNDS.key_of(row)] = row
                self._unit.write(row)

    def of_transaction(self, transaction: Transaction) -> Purse:
        return self.get(transaction.from_address, transaction.chain, transaction.token_address)


def observed(purse: Purse, seen: Observed, unit: UnitOfWork) -> Purse:
    """The purse with these balances, unless newer ones are known."""
    coin = funds.observe(purse.coin, seen.coin, seen.block, unit.now)
    if purse.token is None or seen.token is None:
        return Purse(coin, purse.token)
    return Purse(coin, funds.observe(purse.token, seen.token, seen.block, unit.now))


def commits(transaction: Transaction) -> bool:
    """False for the engine's own no-ops, whose gas is not committed beforehand."""
    return bool(transaction.committed_gas or transaction.committed_value or transaction.token_amount)


def follow(purses: Purses, before: Transaction, after: Transaction, unit: UnitOfWork) -> None:
    """End what a finished transaction committed; commit it again when the chain takes its end back."""
    if before.terminal == after.terminal or not commits(after):
        return
    purse, amount = purses.of_transaction(after), amount_of(after)
    gas, now = after.committed_gas, unit.now
    if after.terminal:
        end = spending.end_payment if after.is_payment else spending.end_send
        purses.put(end(purse, amount, gas, after.mined_block_number, now))
    else:
        resume = spending.resume_payment if after.is_payment else spending.resume_send
        purses.put(resume(purse, amount, gas, now))


def amount_of(transaction: Transaction) -> int:
    """What it moves of its purse's asset, base units."""
    if transaction.token_address is not None:
        return transaction.token_amount or 0
    return transaction.committed_value


def _keys_of(transaction: Transaction) -> list[Key]:
    return keys(transaction.from_address, transaction.chain, transaction.token_address)
