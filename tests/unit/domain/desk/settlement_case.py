"""An order under settlement for tests; it stores each rule's results."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.desk import claims, settlement
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.claims import Claim
from shared.domain.desk.orders import Order
from shared.domain.desk.settlement import Payment
from shared.domain.desk.supplies import Supply
from tests.unit.domain.factories import NOW, ids, place, supply, wallet


@dataclass
class SettlementCase:
    """An order of 3.00 over three supplies, claimed; it stores each rule's results."""

    order: Order
    claim: Claim
    allocations: dict[str, Allocation]
    supplies: dict[str, Supply]
    payments: dict[tuple[str, int], Payment] = field(default_factory=dict)
    new_id = staticmethod(ids())

    @classmethod
    def claimed(cls) -> SettlementCase:
        placed = place(*(supply(100, supply_id=f"sup_{n}") for n in range(3)))
        made = claims.claim(placed.order, None, wallet(), (), claim_id="clm_1", now=NOW)
        return cls(
            made.order,
            made.claim,
            {a.id: a for a in placed.allocations},
            {m.supply.id: m.supply for m in placed.moves},
        )

    @classmethod
    def started(cls) -> SettlementCase:
        case = cls.claimed()
        case.take(
            settlement.start(
                case.order, case.claim, [*case.allocations.values()], new_id=case.new_id, now=NOW
            )
        )
        return case

    def take(self, made: settlement.Round) -> None:
        self.order, self.claim = made.order, made.claim
        self.payments |= {(p.allocation_id, p.round): p for p in made.payments}

    def outcome(self, number: int, status: str, *, final: bool = True, round_: int = 1) -> None:
        allocation = list(self.allocations.values())[number]
        payment = self.payments[allocation.id, round_]
        if status == "paid":
            effect = settlement.paid(payment, allocation, self.supplies[allocation.supply_id], NOW)
            self.keep(effect)
            payment = effect.payment
        else:
            payment = settlement.unpaid(payment, status, "REVERTED", NOW)  # type: ignore[arg-type]
        self.payments[allocation.id, round_] = settlement.finalize(payment, NOW) if final else payment
        self.conclude()

    def keep(self, effect: settlement.PaymentEffect) -> None:
        self.allocations[effect.allocation.id] = effect.allocation
        self.supplies[effect.moved.supply.id] = effect.moved.supply
        self.payments[effect.payment.allocation_id, effect.payment.round] = effect.payment

    def conclude(self) -> None:
        self.order, self.claim = settlement.conclude(self.order, self.claim, self.payments.values(), NOW)

    def retry(self) -> None:
        everything = [*self.payments.values()], [*self.allocations.values()]
        self.take(settlement.retry(self.order, self.claim, *everything, new_id=self.new_id, now=NOW))

    def abandon(self) -> settlement.Abandoned:
        everything = [*self.payments.values()], [*self.allocations.values()], [*self.supplies.values()]
        return settlement.abandon(self.claim, *everything, reason="written off", now=NOW)

    @property
    def state(self) -> tuple[str, str, str]:
        return self.order.status, self.claim.status, self.claim.settlement_status
