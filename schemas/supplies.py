"""Supplies as callers see them: amounts are decimal strings in the currency's unit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.base import (
    AmountText,
    ChainName,
    Currency,
    Id,
    Instant,
    ListQuery,
    Metadata,
    Notes,
    OwnedQuery,
    Page,
    Request,
    Resource,
)
from shared.domain.desk import supplies
from shared.domain.desk.ledger import Account, LedgerEntry, Verb, balances
from shared.domain.desk.states import SupplyStatus
from shared.domain.money import format_amount


class CreateSupply(Request):
    """Commit an amount of a wallet's balance; `chain` and `wallet_id` have defaults."""

    currency: Currency
    amount: AmountText
    wallet_id: Id | None = None
    chain: ChainName | None = None
    expires_at: Instant | None = None
    metadata: Metadata | None = None


class GetSupply(Request):
    supply_id: Id


class ListSupplies(OwnedQuery):
    chain: ChainName | None = None
    currency: Currency | None = None
    status: SupplyStatus | None = None


class UpdateSupply(Request):
    """Absent fields stay; `expires_at: null` means never, `metadata` replaces all earlier entries."""

    supply_id: Id
    amount: AmountText | None = None
    status: Literal["active", "paused"] | None = None
    expires_at: Instant | None = None
    metadata: Metadata | None = None


class CloseSupply(Request):
    supply_id: Id


class GetLedger(ListQuery):
    """The ledger of a supply, up to and including `at`."""

    supply_id: Id
    at: Instant | None = None


class Supply(Resource):
    """Always available + reserved + settled = amount."""

    id: str
    user_id: str
    wallet_id: str
    chain: str
    currency: str
    amount: str
    available: str
    reserved: str
    settled: str
    status: SupplyStatus
    reason: str | None
    expires_at: Instant | None
    metadata: Notes = Field(default_factory=dict)
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, supply: supplies.Supply) -> Supply:
        return cls(
            id=supply.id,
            user_id=supply.user_id,
            wallet_id=supply.wallet_id,
            chain=supply.chain,
            currency=supply.currency,
            amount=format_amount(supply.amount, supply.decimals),
            available=format_amount(supply.available, supply.decimals),
            reserved=format_amount(supply.reserved, supply.decimals),
            settled=format_amount(supply.settled, supply.decimals),
            status=supply.status,
            reason=supply.reason,
            expires_at=supply.expires_at,
            metadata=supply.metadata or {},
            version=supply.version,
            created_at=supply.created_at,
            updated_at=supply.updated_at,
        )


class SupplyPage(Page[Supply]):
    """The caller's supplies."""


class LedgerLine(Resource):
    """One line; the lines of a `supply_version` sum to zero. `amount` is signed."""

    supply_version: int
    ord: int
    verb: Verb
    account: Account
    amount: str
    balance_after: str
    reference: str | None
    created_at: Instant

    @classmethod
    def of(cls, entry: LedgerEntry, decimals: int) -> LedgerLine:
        return cls(
            supply_version=entry.supply_version,
            ord=entry.ord,
            verb=entry.verb,
            account=entry.account,
            amount=format_amount(entry.amount, decimals),
            balance_after=format_amount(entry.balance_after, decimals),
            reference=entry.reference,
            created_at=entry.created_at,
        )


class LedgerBalances(Resource):
    """The four accounts; `external` is minus the amount of the supply."""

    available: str
    reserved: str
    settled: str
    external: str


class Ledger(Resource):
    """Ledger lines, newest first, and the balances at the requested time (by default now)."""

    supply_id: str
    at: Instant | None
    balances: LedgerBalances
    items: list[LedgerLine]
    next_cursor: str | None

    @classmethod
    def of(
        cls,
        supply: supplies.Supply,
        entries: Iterable[LedgerEntry],
        *,
        at: datetime | None = None,
        state: dict[Account, int] | None = None,
        next_cursor: str | None = None,
    ) -> Ledger:
        """`state`: the balances at `at` in base units; None for the current balances of the supply."""
        accounts = balances(supply) if state is None else state
        return cls(
            supply_id=supply.id,
            at=at,
            balances=LedgerBalances(**{k: format_amount(v, supply.decimals) for k, v in accounts.items()}),
            items=[LedgerLine.of(entry, supply.decimals) for entry in entries],
            next_cursor=next_cursor,
        )
