"""Read and book the funds rows that transactions draw on, through a body's unit of work.

The engine starts, ends and resumes the commitments of a transaction, including payments. The code that settles a
supply books the supply's part (the amount that a payment settles).
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.chain.balances import Balances
from shared.domain.desk import funds
from shared.domain.desk.funds import FundsPair
from shared.domain.transactions.transactions import Transaction
from shared.store.port import Key
from shared.store.tables.supplies import FUNDS
from shared.store.unit_of_work import UnitOfWork


def keys(address: str, chain: str, token_address: str | None) -> list[Key]:
    """The keys of an address's funds rows for an asset: the native row, and the token's row."""
    native: Key = (address, chain, "")
    return [native, (address, chain, token_address)] if token_address else [native]


def keys_of(transactions: Iterable[Transaction]) -> list[Key]:
    """The distinct keys of all rows that these transactions draw on."""
    every = (keys(one.from_address, one.chain, one.token_address) for one in transactions if commits(one))
    return list(dict.fromkeys(key for some in every for key in some))


def get(unit: UnitOfWork, address: str, chain: str, token_address: str | None) -> FundsPair:
    """The rows as this body sees them; empty rows if nothing is known yet."""
    wanted = keys(address, chain, token_address)
    rows = {FUNDS.key_of(row): row for row in unit.many(FUNDS.get_many(wanted))}
    return FundsPair(
        *(rows.get(key) or funds.empty(chain, address, str(key[2]) or None, unit.now) for key in wanted)
    )


def put(unit: UnitOfWork, pair: FundsPair) -> None:
    """Write the pair's rows."""
    unit.write(*(row for row in pair if row is not None))


def observed(pair: FundsPair, balances: Balances, unit: UnitOfWork) -> FundsPair:
    """The rows with these balances, unless they already hold newer ones."""
    coin = funds.observe(pair.coin, balances.coin, balances.block, unit.now)
    if pair.token is None or balances.token is None:
        return FundsPair(coin, pair.token)
    return FundsPair(coin, funds.observe(pair.token, balances.token, balances.block, unit.now))


def commits(transaction: Transaction) -> bool:
    """Whether a transaction commits funds. False for the engine's own no-ops, whose gas is not committed beforehand."""
    return bool(transaction.committed_gas or transaction.committed_value or transaction.token_amount)


def follow(unit: UnitOfWork, before: Transaction, after: Transaction) -> None:
    """End the commitments of a finished transaction, or renew them if the chain reverses its end."""
    if before.terminal == after.terminal or not commits(after):
        return
    pair, amount = get(unit, after.from_address, after.chain, after.token_address), amount_of(after)
    gas, now = after.committed_gas, unit.now
    if after.terminal:
        end = funds.end_payment if after.is_payment else funds.end_send
        put(unit, end(pair, amount, gas, after.mined_block_number, now))
    else:
        resume = funds.resume_payment if after.is_payment else funds.resume_send
        put(unit, resume(pair, amount, gas, now))


def amount_of(transaction: Transaction) -> int:
    """The amount of its asset that the transaction moves, in base units."""
    if transaction.token_address is not None:
        return transaction.token_amount or 0
    return transaction.committed_value
