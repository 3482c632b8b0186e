"""Check a completed job: paid exactly once, to the wei, in the store and on the chain."""

from __future__ import annotations

from typing import Any

from shared.domain.desk import ledger
from shared.store.session import Session
from shared.store.tables import claims, supplies
from shared.store.tables.orders import ALLOCATIONS
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS
from tests.e2e.job import ETHER, PAYOUT, Job, Node


def paid_once(job: Job, node: Node, rows: Session) -> None:
    order = job.shopper.get(f"/orders/{job.order['id']}")
    claim = job.shopper.get(f"/claims/{job.claim['id']}")
    assert (order["status"], claim["status"]) == ("completed", "processed"), claim
    assert len(job.shopper.get("/supplies")["items"]) == len(job.shopper.get("/orders")["items"]) == 1

    (payment,) = rows.one(claims.payments_of(claim["id"]))
    assert (payment.status, payment.finalized, payment.round, payment.amount) == ("paid", True, 1, PAYOUT)
    mine = [row for row in rows.many(TRANSACTIONS.scan()) if row.wallet_id == job.wallet]
    (transaction,) = mine
    assert (transaction.id, transaction.value, transaction.nonce) == (payment.transaction_id, PAYOUT, 0)
    assert transaction.state == "confirmed" and transaction.finalized
    attempts = rows.many(ATTEMPTS.scan(transaction.id))
    assert transaction.hash in {attempt.hash for attempt in attempts}

    receipt = node.ask("eth_getTransactionReceipt", transaction.hash)
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert receipt["status"] == "0x1" and receipt["to"].lower() == job.recipient.lower()
    assert node.balance(job.recipient) == PAYOUT
    assert node.balance(job.account.address) == 10 * ETHER - PAYOUT - gas
    assert node.count(job.account.address) == node.count(job.account.address, "pending") == 1
    own = rows.one(supplies.by_id(job.supply["id"]))
    assert (own.available, own.reserved, own.settled) == (2 * ETHER - PAYOUT, 0, PAYOUT)
    (allocation,) = rows.many(ALLOCATIONS.scan(job.order["id"]))
    assert (allocation.status, allocation.settled) == ("settled", PAYOUT)


def books_balance(rows: Session) -> None:
    """Check every existing supply."""
    for supply in rows.many(supplies.SUPPLIES.scan()):
        lines: list[Any] = rows.many(supplies.LEDGER.scan(supply.id))
        assert supply.available + supply.reserved + supply.settled == supply.amount
        assert ledger.verify(supply, lines) == []
        assert sum(line.amount for line in lines) == 0
