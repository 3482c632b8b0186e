"""Every transaction that is not final states its reason to wait, and the time since."""

from __future__ import annotations

from typing import Any

from schemas.transactions import Transaction
from shared.chain.errors import Ambiguous, NonceTooHigh
from shared.store import event_rows
from shared.store.session import Session
from shared.store.tables.system import OUTBOX
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_node_faults import Twisted


def waits(history: StepwiseHistory, number: int = 1) -> str | None:
    shown = Transaction.of(history.row(number), [], 31337)
    return shown.waiting_for.reason if shown.waiting_for else None


def announced(history: StepwiseHistory) -> list[str]:
    rows = Session(history.database.snapshot()).many(OUTBOX.scan())
    return [event.envelope["type"] for row in rows for event in event_rows.outgoing(row)]


def test_from_its_turn_to_finality(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    seen = [waits(history)]
    history.attempt(history.hint)
    seen.append(waits(history))
    for _ in range(12):
        history.tick_through(1)
        seen.append(waits(history))
    assert list(dict.fromkeys(seen)) == ["turn", "block", "confirmations", "finality", None]


def test_a_node_that_does_not_answer_is_named_with_since_when(history: StepwiseHistory) -> None:
    def silent(node: Any, params: list[Any]) -> Any:
        raise Ambiguous("E_TX_17")

    mute = Twisted(history, eth_sendRawTransaction=silent)
    history.use(mute, mute)
    history.attempt(history.accept)
    history.attempt(history.hint)
    assert waits(history) == "node"
    since = history.row(1).waiting_since
    history.clock.moment = history.clock.moment.replace(minute=30)
    history.tick_through(3)
    assert (waits(history), history.row(1).waiting_since) == ("node", since)
    assert announced(history).count("transaction.waiting") <= 1, "told once"


def test_a_missing_nonce_before_it_is_told(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.node.pool.clear()

    def gapped(node: Any, params: list[Any]) -> Any:
        raise NonceTooHigh("nonce too high")

    misses = Twisted(history, eth_sendRawTransaction=gapped)
    history.use(misses, misses)
    history.clock.moment = history.clock.moment.replace(minute=30)
    history.attempt(history.tick)
    assert waits(history) == "gap"
    assert announced(history).count("transaction.waiting") == 1


def test_what_blocks_it_is_what_it_waits_for(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.empty()
    history.attempt(history.hint)
    history.tick_through(2)
    assert waits(history) == "funds"
