"""Histories in which nothing happens by itself: each test decides the steps."""

from __future__ import annotations

import random

from schemas.transactions import ReplaceTransaction
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept, intents
from shared.engine.intents import Sender
from shared.writes import commit as commits
from tests.unit.engine.chain_model import Faults
from tests.unit.engine.histories import History, accept_under


class StepwiseHistory(History):
    """One wallet, two endpoints unless a test takes one away."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.node.faults = self.mirror.faults = Faults()
        self.rng = self.node.rng = random.Random(0)
        self.use(self.node, self.mirror)

    def use(self, *nodes: object) -> None:
        """Reach the chain by these endpoints."""
        chain_id = self.client.spec.chain_id
        pool = Pool(
            [Endpoint(node, chain_id, clock=self.seconds, sleep=self.slept) for node in nodes], parallel=False
        )  # type: ignore[arg-type]
        self.client.pool = pool

    def wallet_of_another_address(self) -> Wallet:
        """Create a second wallet; other programs send with its key from now on."""
        self.key = self.rng.randbytes(32)
        return self.stored_wallet("2", self.key)

    def row(self, number: int) -> Transaction:
        """A transaction by the order in which they were accepted."""
        by_id = {row.id: row for row in self.rows()}
        return by_id[list(self.accepted)[number]]

    def hasten_one(self, number: int) -> None:
        """Speed up as the owner."""
        from functions.transactions.speed_up_transaction import speed_up_transaction

        caller = Caller.of_user("ops", ["operator"], "service")
        speed_up_transaction(ReplaceTransaction(transaction_id=self.row(number).id), caller)

    def cancel_one(self, number: int) -> None:
        """Cancel as the owner."""
        self.give_up(self.row(number))

    def accept_value(self, identity: str, wei: int) -> None:
        """Accept a transfer of this value, under a new id."""
        planned = accept.plan(
            intents.build(Sender.of_wallet(self.owner), "0x" + "ab" * 20, value=wei), gas=None
        )
        commits.commit(accept_under, planned, identity)

    def tick_through(self, blocks: int) -> None:
        for _ in range(blocks):
            self.mine()
            self.attempt(self.tick)
