"""A model of the product for the stateful test: all rows that the rules returned, and the invariants between them.

It has one currency with one address per owner, and a chain with only a balance per address. The test moves `now`.
"""

from __future__ import annotations

import io
import pickle
from copy import copy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from shared.domain.desk import funds, ledger, settlement
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.claims import Claim
from shared.domain.desk.funds import FundsPair
from shared.domain.desk.ledger import LedgerEntry
from shared.domain.desk.orders import Order
from shared.domain.desk.settlement import Payment
from shared.domain.desk.states import Kind, check
from shared.domain.desk.supplies import Moved, Supply
from tests.unit.domain.factories import NOW, native

OWNERS = ("usr_a", "usr_b")
CLAIMERS = ("usr_b", "usr_c", "usr_d")
GAS = 3  # gas commitment of each payment, base units
RICH = 20_000  # initial balance of every address


@dataclass
class Model:
    now: datetime = NOW
    block: int = 100
    supplies: dict[str, Supply] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    allocations: dict[str, Allocation] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    payments: dict[tuple[str, int], Payment] = field(default_factory=dict)
    lines: list[LedgerEntry] = field(default_factory=list)
    pairs: dict[str, FundsPair] = field(default_factory=lambda: {owner: native(RICH) for owner in OWNERS})
    chain: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OWNERS, RICH))
    made: int = 0

    def fork(self) -> Model:
        """A separate model that shares the rows, which cannot change."""
        return replace(
            self,
            **{
                f.name: copy(getattr(self, f.name))
                for f in fields(self)
                if f.name not in ("now", "block", "made")
            },
        )

    def new_id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_{self.made}"

    def move(self, moved: Moved) -> None:
        """Store a supply and its lines, and update the funds row of its address."""
        after = moved.supply
        before = self.supplies.get(after.id)
        if before is not None:
            self._step("supply", before, after)
            owner = after.user_id
            self.pairs[owner] = funds.book(self.pairs[owner], before, after, 0, self.now)
        self.supplies[after.id] = after
        self.lines.extend(moved.entries)

    def keep_order(self, order: Order) -> None:
        self._step("order", self.orders.get(order.id), order)
        self.orders[order.id] = order

    def keep_claim(self, claim: Claim) -> None:
        self._step("claim", self.claims.get(claim.id), claim)
        self.claims[claim.id] = claim

    def keep_payment(self, payment: Payment) -> None:
        before = self.payments.get((payment.allocation_id, payment.round))
        assert before is None or before == payment or payment.version == before.version + 1
        self.payments[payment.allocation_id, payment.round] = payment

    def _step(self, kind: Kind, before: Any, after: Any) -> None:
        """Check that a change is a new version, and that the table has its new status within two steps."""
        if before is None or after == before:
            return
        assert after.version > before.version
        assert after.created_at == before.created_at
        if before.status == after.status:
            return
        if after.version == before.version + 1:
            check(kind, before.status, after.status)
        else:  # a lapsed claim and a new one, or ended and hidden, in one commit
            assert (before.status, after.status) in {
                ("open", "cancelled"), ("open", "expired"), ("claimed", "claimed"),
            }  # fmt: skip

    def of_order(self, order_id: str) -> list[Allocation]:
        return [a for a in self.allocations.values() if a.order_id == order_id]

    def supplies_of(self, order_id: str) -> list[Supply]:
        return [self.supplies[a.supply_id] for a in self.of_order(order_id)]

    def of_claim(self, claim_id: str) -> list[Payment]:
        return [p for p in self.payments.values() if p.claim_id == claim_id]


class _Pickler(pickle.Pickler):
    """Writes rows by their fields: pickle's own way looks up the fields of a frozen dataclass for each of its rows."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) or not is_dataclass(value):
            return NotImplemented
        return type(value), _values(type(value))(value)


@cache
def _values(row: type) -> attrgetter[Any]:
    return attrgetter(*(f.name for f in fields(row)))


def written(model: Model) -> bytes:
    """Everything in the model, byte by byte, to notice a change in place."""
    text = io.BytesIO()
    _Pickler(text).dump(model)
    return text.getvalue()


def verify(model: Model) -> None:
    """Check all invariants between two operations."""
    for supply in model.supplies.values():
        _supply_holds(model, supply)
    for order in model.orders.values():
        _order_holds(model, order)
    for allocation in model.allocations.values():
        _payments_hold(model, allocation)
    for owner, pair in model.pairs.items():
        _funds_hold(model, owner, pair)
    assert sum(line.amount for line in model.lines) == 0


def _supply_holds(model: Model, supply: Supply) -> None:
    assert min(supply.available, supply.reserved, supply.settled) >= 0
    assert supply.available + supply.reserved + supply.settled == supply.amount
    assert ledger.verify(supply, [line for line in model.lines if line.supply_id == supply.id]) == []
    held = [a for a in model.allocations.values() if a.supply_id == supply.id]
    assert supply.reserved == sum(a.amount for a in held if a.status == "reserved")
    assert supply.settled == sum(a.settled for a in held)
    if supply.status == "active":
        assert supply.available
    if supply.status == "exhausted":
        assert not supply.available
        assert supply.reserved
    if supply.status == "closed":
        assert not supply.available


def _order_holds(model: Model, order: Order) -> None:
    parts = model.of_order(order.id)
    states = {part.status for part in parts}
    assert sum(part.amount for part in parts) == order.amount
    if order.status in ("open", "claimed"):
        assert states == {"reserved"}
    if order.status in ("cancelled", "expired"):
        assert states == {"released"}
    if order.status == "completed":
        assert states == {"settled"}
    own = [claim for claim in model.claims.values() if claim.order_id == order.id]
    assert len({claim.epoch for claim in own}) == len(own)
    assert all(claim.epoch <= order.claim_epoch for claim in own)
    holding = [c for c in own if c.status in ("claimed", "processing", "processed", "failed")]
    assert [c.id for c in holding] == ([order.claim_id] if order.claim_id else [])
    if order.status in ("completed", "failed"):
        newest = settlement.newest(model.of_claim(holding[0].id)).values()
        assert len(newest) == len(parts)
        assert all(payment.terminal and payment.finalized for payment in newest)
        assert all(payment.status == "paid" for payment in newest) == (order.status == "completed")
    pairs = {"claimed": "claimed", "processing": "processing", "completed": "processed", "failed": "failed"}
    assert [c.status for c in holding] == ([pairs[order.status]] if order.status in pairs else [])


def _payments_hold(model: Model, allocation: Allocation) -> None:
    rounds = [p for p in model.payments.values() if p.allocation_id == allocation.id]
    paid = [p for p in rounds if p.status == "paid"]
    assert len(paid) == (1 if allocation.status == "settled" else 0)
    assert sum(not (p.terminal and p.finalized) for p in rounds) <= 1
    assert not paid or paid[0].round == max(p.round for p in rounds)


def _funds_hold(model: Model, owner: str, pair: FundsPair) -> None:
    mine = [s for s in model.supplies.values() if s.user_id == owner]
    flying = [
        p for p in model.payments.values() if not p.terminal and model.orders[p.order_id].user_id == owner
    ]
    assert pair.coin.in_flight == sum(p.amount + GAS for p in flying)
    parts = [s.available + s.reserved for s in mine if s.status not in ("pending", "rejected")]
    assert pair.coin.committed == sum(parts) + GAS * len(flying)
    assert pair.coin.supplies == sum(part > 0 for part in parts)
    paid = sum(s.settled for s in mine)
    assert model.chain[owner] == RICH - paid
