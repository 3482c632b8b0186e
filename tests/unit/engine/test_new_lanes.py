"""Opening many lanes at once: what is the same for all of them is asked once a block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.engine import accept, dispatch, intents
from shared.engine.intents import Sender
from shared.store.session import Session
from shared.store.tables.transactions import LANES
from shared.writes import commit as commits
from tests.unit.engine.histories import accept_under
from tests.unit.engine.stepwise import StepwiseHistory

NEW = 6
ENDPOINTS = 2


@pytest.fixture
def queued(history: StepwiseHistory) -> list[str]:
    """The lanes of addresses that never sent anything, each with a queued transaction."""
    history.client.spec = replace(history.client.spec, has_finalized=True)
    wallets = [history.stored_wallet(f"n{number}", history.rng.randbytes(32)) for number in range(NEW)]
    for number, wallet in enumerate(wallets):
        planned = accept.plan(intents.build(Sender.of_wallet(wallet), "0x" + "ab" * 20, value=1), gas=None)
        history.attempt(
            lambda planned=planned, number=number: commits.commit(accept_under, planned, f"txn_new{number}")
        )
    return [f"local:{wallet.address.lower()}" for wallet in wallets]


def finality_asked(history: StepwiseHistory, patch: pytest.MonkeyPatch) -> list[str]:
    """The questions about the finalized block that endpoints get from now on."""
    asked: list[str] = []
    real = history.node.call  # the mirror asks it too

    def call(method: str, params: list[Any], *more: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "finalized":
            asked.append(method)
        return real(method, params, *more)

    patch.setattr(history.node, "call", call)
    return asked


def opened(history: StepwiseHistory) -> int:
    return len(Session(history.database.snapshot()).many(LANES.scan())) - 1


def test_a_pass_asks_once_what_is_final(
    history: StepwiseHistory, queued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = finality_asked(history, monkeypatch)
    history.mine()
    history.attempt(history.tick)
    assert opened(history) == NEW
    assert len(asked) == ENDPOINTS


def test_hints_ask_once_a_block_what_is_final(
    history: StepwiseHistory, queued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = finality_asked(history, monkeypatch)
    for number, lane in enumerate(queued):
        if number == NEW // 2:
            history.mine()
        history.attempt(lambda lane=lane: dispatch.dispatch(lane))
    assert opened(history) == NEW
    assert len(asked) == 2 * ENDPOINTS, "two blocks"
