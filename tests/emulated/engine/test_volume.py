"""Many transfers from one wallet: each exactly once, in nonce order, without a gap. TRANSFERS=5000 for the long run."""

from __future__ import annotations

import time

import pytest

from shared.domain.permissions import Caller
from shared.engine import accept, dispatch, intents
from shared.engine.intents import Sender
from shared.runtime.context import Context, deadline_in, running
from shared.store.tables.transactions import LANES, TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes import outbox_relay
from shared.writes.commit import commit
from tests.emulated.engine.world import ETHER, World
from tests.support.proof import figure, size

TRANSFERS = size("TRANSFERS", 600)  # more than a queue may leave unrecorded
TOGETHER = 50  # accepted in one commit: the test is about later steps
TARGET = "0x" + "5000" * 10


def _accept(unit: UnitOfWork, planned: accept.SendPlan, start: int) -> None:
    for number in range(start, start + TOGETHER):
        key = f"v{number:05}"
        accept.accept(unit, planned, transaction_id=f"txn_{key}", tenant="usr", idem_key=key)


def test_many_transfers_from_one_wallet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_relay, "AFTER_COMMIT_SECONDS", 0.03)  # as in production, for the figure
    wallet = world.wallet(10 * ETHER)
    context = Context("volume", "req", deadline_in(1_400))
    context.caller = Caller.of_system()
    with running(context):
        planned = accept.plan(intents.build(Sender.of_wallet(wallet), TARGET, value=1), gas=None)
        for start in range(0, TRANSFERS, TOGETHER):
            commit(_accept, planned, start)
        (lane_id,) = {row.lane_id for row in world.rows(TRANSACTIONS)}
        began = time.monotonic()
        while (lane := next(iter(world.rows(LANES)), None)) is None or lane.next_nonce < TRANSFERS:
            dispatch.dispatch(lane_id)
            world.mine(3)
            world.tick()
        seconds = time.monotonic() - began
        world.settle(40)
    rows = world.rows(TRANSACTIONS)
    assert sorted(row.nonce for row in rows) == list(range(TRANSFERS))
    assert {(row.state, row.attempt_count) for row in rows} == {("confirmed", 1)}
    mined = world.mined_of(wallet.address)
    assert [int(one["nonce"], 16) for one in mined] == list(range(TRANSFERS))
    assert world.balance(TARGET) == TRANSFERS
    text = f"{TRANSFERS} nonced, signed, stored, sent and recorded, {TRANSFERS / seconds:.0f} a second"
    figure("transfers", "emulator and node", text)
