"""The field's mistakes, put into the engine on purpose: the random histories must catch each of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared import resources
from shared.domain.transactions import attempts as attempt_rules
from shared.engine import broadcast, confirmation, dispatch, nonce_sync
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS
from tests.unit.engine.histories import History, world

SEEDS = 400  # each mistake shows within so many


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def recycle_on_timeout(patch: Any) -> None:
    """An ambiguous answer counts as "not sent": the nonce goes back to the lane."""
    real = broadcast.write_answers
    back: Counter[str] = Counter()

    def record(unit: Any, lane_id: str, sent: Any, block_seconds: float) -> None:
        real(unit, lane_id, [one for one in sent if one.outcome != "ambiguous"], block_seconds)

    def send(client: Any, stored: Any) -> None:
        results = client.send_many([attempt.raw for _, attempt in stored])
        pairs = list(zip(stored, results, strict=True))
        sent = [broadcast.Sent(t, a, r.outcome) for (t, a), r in pairs]
        if sent:
            broadcast.commit(record, stored[0][0].lane_id, sent, client.spec.block_seconds)
        for (transaction, attempt), result in reversed(pairs):
            if result.outcome == "ambiguous" and attempt.k == 1 and back[transaction.id] < 3:
                back[transaction.id] += 1  # a node without room says so again and again
                _give_back(transaction)

    patch.setattr(broadcast, "send", send)


def _give_back(transaction: Any) -> None:
    session = Session(resources.database().snapshot())
    row, lane = session.read(TRANSACTIONS.get(transaction.id), LANES.get(transaction.lane_id))
    if row.state != "signed" or lane.next_nonce != (row.nonce or 0) + 1:
        return
    queued = replace(row, state="accepted", nonce=None, attempt_count=0, hash=None)
    resources.database().write(
        [
            Write("delete", ATTEMPTS.name, ("transaction_id", "k"), (row.id, 1)),
            TRANSACTIONS.write("update", queued),
            LANES.write("update", replace(lane, next_nonce=lane.next_nonce - 1)),
        ]
    )


def store_after_the_send(patch: Any) -> None:
    """The bytes leave before the commit that stores them."""
    real = dispatch.commit

    def commit(body: Any, *args: Any) -> Any:
        if body is dispatch.allocate:
            resources.chain("local").send_many([one.signed.raw for one in args[1]])
        return real(body, *args)

    patch.setattr(dispatch, "commit", commit)


def believe_the_newest(patch: Any) -> None:
    """ "replacement underpriced" is a success: only the newest bytes are looked for from then on."""
    real = confirmation.look

    def look(view: Any, rows: Any, attempts: Any, below: Any) -> Any:
        newest = {
            one: found[-1:] if found and found[-1].last_result == "sent" else found
            for one, found in attempts.items()
        }
        return real(view, rows, newest, below)

    patch.setattr(confirmation, "look", look)
    patch.setattr(nonce_sync, "find_holder", lambda *args: None)  # what finds out otherwise
    patch.setitem(attempt_rules.STEPS, "replacement_underpriced", "wait")
    patch.setattr(broadcast, "Sent", _believing)


def _believing(transaction: Any, attempt: Any, outcome: Any) -> Any:
    seen = "sent" if outcome == "replacement_underpriced" else outcome
    return _Sent(transaction, attempt, seen)


_Sent = broadcast.Sent


def terminal_at_once(patch: Any) -> None:
    """What is mined is final, whatever comes after."""
    from shared.engine import chain_view

    patch.setattr(chain_view.ChainView, "proven_receipts", _receipts)
    patch.setattr(chain_view.ChainView, "read_confirmed", lambda self: self.head.number)
    patch.setattr(chain_view.ChainView, "read_finalized", lambda self: self.head.number)
    patch.setattr(
        chain_view.ChainView, "proves_hash", lambda self, number, wanted: self.hash_at(number) == wanted
    )


def _receipts(view: Any, number: int) -> Any:
    return {receipt.hash: receipt for receipt in view.client.receipts_of_block(number)}


@pytest.mark.parametrize(
    "mistake", [recycle_on_timeout, store_after_the_send, believe_the_newest, terminal_at_once]
)
def test_a_known_mistake_is_caught(mistake: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(SEEDS):
        history = History(seed)
        with monkeypatch.context() as patch:
            mistake(patch)
            with world(history, patch):
                try:
                    history.run()
                except (AssertionError, KeyError):
                    return
    raise AssertionError(f"{mistake.__name__} survives {SEEDS} histories")
