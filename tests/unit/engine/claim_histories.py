"""Random histories of paid orders: supplies, claims, payouts, operators, and a chain that reorganises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import ModuleType
from typing import Any

from functions.claims import abandon_settlement, process_claim, retry_settlement
from functions.claims.claim_order import claim_order
from functions.claims.reject_claim import reject_claim
from functions.claims.release_claim import release_claim
from functions.orders.cancel_order import cancel_order
from functions.orders.place_order import place_order
from functions.supplies.close_supply import close_supply
from functions.supplies.create_supply import create_supply
from functions.supplies.update_supply import update_supply
from functions.supplies.watch_balances import watch_balances
from schemas.claims import (
    AbandonSettlement,
    ClaimOrder,
    ProcessClaim,
    RejectClaim,
    ReleaseClaim,
    RetrySettlement,
)
from schemas.orders import CancelOrder, NewItem, PlaceOrder
from schemas.supplies import CloseSupply, CreateSupply, UpdateSupply
from shared.desk import activation
from shared.domain.desk import funds
from shared.domain.money import format_amount
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet
from shared.engine import payouts
from shared.store.session import Session
from shared.store.table import Table
from shared.store.tables.claims import CLAIMS, PAYMENTS
from shared.store.tables.orders import ALLOCATIONS
from shared.store.tables.orders import ORDERS as ORDERS_TABLE
from shared.store.tables.supplies import FUNDS, LEDGER, SUPPLIES
from tests.unit.engine.wallet_histories import WalletsHistory

OPERATOR = Caller.of_user("ops", ["operator"], "service")
ORDERS = 6
SUPPLIED = 10**16
PRICED = 100_000  # and one wei more for each order, so that the amount identifies the allocation
COMPETED: tuple[ModuleType, ...] = (process_claim, retry_settlement, abandon_settlement)


class Inline:
    """An executor that works at once: a seed is a history."""

    def __init__(self, workers: int) -> None: ...

    def submit(self, run: Callable[..., Any], *args: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(run(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None: ...


class ClaimsHistory(WalletsHistory):
    """The first wallet's owner supplies and orders, another user claims."""

    def wallet(self) -> Wallet:
        wallet = super().wallet()
        self.claimer = self.stored_wallet("claimer", self.rng.randbytes(32))
        self.orders = 0
        self.node.faults.revert = self.rng.choice([0.0, 0.2])
        return wallet

    def bound(self, wallet: Wallet, recipients: list[str] | None, above: int | None) -> None:
        super().bound(wallet, recipients, above and 10**18)  # larger payouts need an administrator

    def stage(self, patch: Any) -> None:
        super().stage(patch)
        patch.setattr(payouts, "ThreadPoolExecutor", Inline)
        for module in COMPETED:
            patch.setattr(module, "commit", self._overtaken(module.commit))

    def steps(self) -> list[tuple[Callable[[], None], int]]:
        return [
            *super().steps(),
            (self.place_and_claim, 12 if self.orders < ORDERS else 0),
            (self.process, 12),
            (self.cancel_payment, 4),
            (self.retry, 4),
            (self.abandon, 1),
            (self.close, 1),
            (self.change_supply, 5),
            (self.give_back, 1),
            (self.take_back, 2),
            (self.cancel_order, 1),
            (watch_balances, 4),
            (self.undo, 4),
        ]

    # — the steps

    def place_and_claim(self) -> None:
        """Create a supply if none is left, an order on it, and a claim."""
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        if not any(one.available >= SUPPLIED // 2 for one in self.all(SUPPLIES) if one.status == "active"):
            amount = format_amount(SUPPLIED, 18)
            supply = create_supply(CreateSupply(currency="ETH", amount=amount, wallet_id="wal_0"), owner)
            activation.check(supply.id)
        self.orders += 1
        price = format_amount(PRICED + self.orders, 18)
        item = NewItem(product_id="p", product_name="p", price=price, quantity=1)
        order = place_order(PlaceOrder(currency="ETH", items=[item]), owner)
        claimer = Caller.of_user(self.claimer.user_id, ["user"], "service")
        claim_order(ClaimOrder(order_id=order.id, wallet_id=self.claimer.id), claimer)

    def process(self) -> None:
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        for claim in self.claims("claimed"):
            process_claim.process_claim(ProcessClaim(claim_id=claim.id), owner)

    def cancel_payment(self) -> None:
        """An operator abandons a payout: it is undone, or mined nevertheless."""
        from functions.transactions.cancel_transaction import cancel_transaction
        from schemas.transactions import ReplaceTransaction

        for payment in self.all(PAYMENTS):
            if not payment.terminal and self.rng.random() < 0.5:
                cancel_transaction(ReplaceTransaction(transaction_id=payment.transaction_id), OPERATOR)

    def retry(self) -> None:
        for claim in self.claims("failed"):
            retry_settlement.retry_settlement(RetrySettlement(claim_id=claim.id, reason="again"), OPERATOR)

    def abandon(self) -> None:
        for claim in self.claims("failed"):
            request = AbandonSettlement(claim_id=claim.id, reason="given up")
            abandon_settlement.abandon_settlement(request, OPERATOR)

    def undo(self) -> None:
        """The chain reorganises a payment away, as long as it is not final."""
        for row in self.rows():
            if row.is_payment and row.state == "confirmed" and not row.finalized:
                self.node.reorganise(len(self.node.blocks) - (row.mined_block_number or 0))

    def close(self) -> None:
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        for supply in self.all(SUPPLIES):
            if supply.live:
                close_supply(CloseSupply(supply_id=supply.id), owner)

    def change_supply(self) -> None:
        """Its owner commits more or less, or temporarily stops new reservations."""
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        for supply in self.all(SUPPLIES):
            if supply.live:
                amount = format_amount(SUPPLIED + self.rng.randint(-SUPPLIED // 4, SUPPLIED), 18)
                change = self.rng.choice(
                    [{"amount": amount}, {"amount": amount}, {"status": "paused"}, {"status": "active"}]
                )
                update_supply(UpdateSupply(supply_id=supply.id, **change), owner)
                self.node.told["supply paused" if change.get("status") == "paused" else "supply changed"] += 1

    def give_back(self) -> None:
        """The holder of an order releases it."""
        claimer = Caller.of_user(self.claimer.user_id, ["user"], "service")
        for claim in self.claims("claimed"):
            release_claim(ReleaseClaim(claim_id=claim.id), claimer)

    def take_back(self) -> None:
        """The order's owner rejects this claimer, and somebody claims the open order."""
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        for claim in self.claims("claimed"):
            reject_claim(RejectClaim(claim_id=claim.id, reason="another"), owner)
        claimer = Caller.of_user(self.claimer.user_id, ["user"], "service")
        for order in self.all(ORDERS_TABLE):
            if order.status == "open":
                claim_order(ClaimOrder(order_id=order.id, wallet_id=self.claimer.id), claimer)

    def cancel_order(self) -> None:
        owner = Caller.of_user(self.owners[0].user_id, ["user"], "service")
        for order in self.all(ORDERS_TABLE):
            if order.status == "open":
                cancel_order(CancelOrder(order_id=order.id), owner)

    def claims(self, status: str) -> Iterator[Any]:
        found = [one for one in self.all(CLAIMS) if one.status == status]
        self.rng.shuffle(found)
        return iter(found[:1])

    def all(self, table: Table[Any]) -> list[Any]:
        return sorted(Session(self.database.snapshot()).many(table.scan()), key=table.key_of)

    # — the end

    def judge(self) -> None:
        super().judge()
        self.judge_allocations(f"seed {self.seed}")

    def judge_allocations(self, where: str) -> None:
        """Check that each allocation is paid at most once, and is settled if paid, and that the books agree."""
        failed = {one for block in self.node.blocks for one in block.failed}
        paid = Counter(one.value for one in self.node.canonical() if one.hash not in failed)
        settled: Counter[str] = Counter()
        for part in self.all(ALLOCATIONS):
            assert paid[part.amount] <= 1, f"{where}: {part} was paid {paid[part.amount]} times"
            assert (part.status == "settled") == (paid[part.amount] == 1), f"{where}: {part}"
            settled[part.supply_id] += part.amount if part.status == "settled" else 0
        for supply in self.all(SUPPLIES):
            assert supply.available + supply.reserved + supply.settled == supply.amount, f"{where}: {supply}"
            assert supply.settled == settled[supply.id], f"{where}: {supply}"
            lines: Counter[str] = Counter()
            for line in self.all(LEDGER):
                if line.supply_id == supply.id:
                    lines[line.account] += line.amount
            kept = Counter(available=supply.available, reserved=supply.reserved, settled=supply.settled)
            assert +lines == +kept and sum(lines.values()) == 0, f"{where}: {supply}, {lines}"
        for claim in self.all(CLAIMS):
            assert claim.status != "processing", f"{where}: {claim}"

    def judge_funds(self, where: str) -> None:
        promised: Counter[str] = Counter()
        for supply in self.all(SUPPLIES):
            promised[supply.address] += funds.commitment(supply)
        for row in self.all(FUNDS):
            assert (row.committed, row.in_flight) == (promised[row.address], 0), f"{where}: {row}"
