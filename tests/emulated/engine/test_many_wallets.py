"""Transfers of many wallets on a real node: each exactly once, in nonce order, without a gap. SENDERS=500 EACH=40 for
the long run."""

from __future__ import annotations

import time

from shared.domain.permissions import Caller
from shared.engine import accept, intents, pending
from shared.engine.intents import Sender
from shared.runtime.context import Context, deadline_in, running
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit
from tests.emulated.engine.world import ETHER, World
from tests.support.proof import figure, size

SENDERS, EACH = size("SENDERS", 20), size("EACH", 6)
MOST_PASSES = 400
TARGET = "0x" + "5000" * 10


def _accept_of(unit: UnitOfWork, planned: accept.SendPlan, sender: int) -> None:
    for number in range(EACH):
        key = f"w{sender:04}_{number:04}"
        accept.accept(unit, planned, transaction_id=f"txn_{key}", tenant="usr", idem_key=key)


def test_many_transfers_from_many_wallets(world: World) -> None:
    wallets = [world.wallet(ETHER) for _ in range(SENDERS)]
    context = Context("volume", "req", deadline_in(1_400))
    context.caller = Caller.of_system()
    with running(context):
        for number, wallet in enumerate(wallets):
            sender = Sender.of_wallet(wallet)
            commit(_accept_of, accept.plan(intents.build(sender, TARGET, value=1), gas=None), number)
        began, passes = time.monotonic(), 0
        while pending.find("local"):
            world.tick()
            world.mine()
            passes += 1
            assert passes < MOST_PASSES
        seconds = time.monotonic() - began
    rows, chain = world.rows(TRANSACTIONS), world.mined()
    total = SENDERS * EACH
    assert len(rows) == total and {(row.state, row.finalized) for row in rows} == {("confirmed", True)}
    assert world.balance(TARGET) == total
    for number, wallet in enumerate(wallets):
        mine = sorted(row.id for row in rows if row.from_address == wallet.address)
        assert mine == [f"txn_w{number:04}_{one:04}" for one in range(EACH)]
    by_id = {row.id: row for row in rows}
    for wallet in wallets:
        mined = chain[wallet.address.lower()]
        assert [int(one["nonce"], 16) for one in mined] == list(range(EACH)), "in order, no gap"
    for number in range(SENDERS):
        nonces = [by_id[f"txn_w{number:04}_{one:04}"].nonce for one in range(EACH)]
        assert nonces == list(range(EACH)), "in the order in which they were accepted"
    text = f"{total} of {SENDERS} wallets, each once and in order, signed to final in {seconds:.0f} s, {passes} passes"
    figure("transfers", "node", text)
