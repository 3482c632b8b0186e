"""A claim in processing; the test itself changes its payments' transactions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from shared import resources
from shared.desk.payment_outcomes import payment_changed
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Transaction
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS
from shared.writes.commit import commit
from tests.emulated.desk.world import Desk, figures


@dataclass
class Paying:
    """A claim in processing, its payments' transactions in order, and their visible state."""

    desk: Desk
    shopper: str
    order: Any
    claim: Any
    transactions: list[Transaction]

    def change(self, number: int = 0, **changes: Any) -> None:
        """Change the known state of a transaction, like the engine does in its commit."""
        self.transactions[number] = changed = replace(self.transactions[number], nonce=7, **changes)
        context = Context("tests", "req_tests", deadline_in(30), caller=Caller.of_system())
        with running(context):
            commit(payment_changed, changed)

    @property
    def states(self) -> tuple[str, str, str]:
        claim = self.desk.get(f"/claims/{self.claim['id']}", self.shopper)
        order = self.desk.get(f"/orders/{self.order['id']}", self.shopper)
        return claim["status"], claim["settlement"]["status"], order["status"]

    @property
    def supplies(self) -> list[tuple[str, ...]]:
        ids = [part["supply_id"] for part in self.order["allocations"]]
        return sorted(figures(self.desk.get(f"/supplies/{one}", self.shopper)) for one in ids)


def paying(desk: Desk, wallets: int = 1) -> Paying:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    for _ in range(wallets):
        desk.supply(shopper, "1", wallet_id=desk.wallet(shopper, ether=2))
    order = desk.order(shopper, "1", wallets)
    claim = desk.claimed(claimer, order["id"])
    started = desk.process(shopper, claim["id"])
    ids = [(payment["transaction_id"],) for payment in started["settlement"]["payments"]]
    transactions = Session(resources.database().snapshot()).many(TRANSACTIONS.get_many(ids))
    return Paying(desk, shopper, order, claim, transactions)
