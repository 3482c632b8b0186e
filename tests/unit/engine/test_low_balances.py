"""A treasury's rule applies to its own chain."""

from __future__ import annotations

import pytest

from shared.domain.transactions.low_balances import LowBalance, TopUp
from shared.engine import low_balances
from shared.store.tables.transactions import LOW_BALANCES
from tests.unit.engine.histories import world
from tests.unit.engine.simulation import START
from tests.unit.engine.wallet_histories import WalletsHistory

TARGET = "0x" + "ab" * 20


@pytest.mark.parametrize(("chain", "count"), [("local", 1), ("sepolia", 0)])
def test_a_treasury_sends_nothing_on_another_chain(
    monkeypatch: pytest.MonkeyPatch, chain: str, count: int
) -> None:
    """The low address would stay low on its chain, and the next top-up would follow."""
    history = WalletsHistory(1)
    with monkeypatch.context() as patch, world(history, patch):
        history.stage(patch)
        history.wallet()
        history.mine()
        low = LowBalance(
            f"{chain}:{TARGET}", chain, history.owners[0].address, "wal_0", "usr", True, 0, 10, 0, None, 1, START, START
        )  # fmt: skip
        history.database.write([LOW_BALANCES.write("insert", low)])
        rule = TopUp(history.treasury.id, below=10, up_to=100)
        super(WalletsHistory, history).attempt(lambda: low_balances.top_up(low, rule, 0))
        assert len(history.rows()) == count
