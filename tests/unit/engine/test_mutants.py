"""Put the field's typical mistakes into the engine on purpose: the random histories must catch each of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared import resources
from shared.chain.pool import Pool
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions import lanes as lane_rules
from shared.domain.transactions import outcome
from shared.engine import batch, broadcast, confirmation, dispatch, nonce_sync
from shared.funds import bookings
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS, TRANSACTIONS_BY_NONCE
from tests.model.store import MemoryDatabase
from tests.unit.engine import simulation
from tests.unit.engine.claim_histories import ClaimsHistory
from tests.unit.engine.histories import History, world
from tests.unit.engine.wallet_histories import WalletsHistory

Mistake = Callable[[Any], None]
SEEDS = 400  # each mistake shows within this number of histories


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
                back[transaction.id] += 1  # a full node refuses repeatedly
                _give_back(transaction)

    patch.setattr(broadcast, "send", send)
    patch.setattr(simulation, "send_new", send)


def _give_back(transaction: Any) -> None:
    session = Session(resources.database().snapshot())
    row, lane = session.read(TRANSACTIONS.get(transaction.id), LANES.get(transaction.lane_id))
    if row.state not in ("signed", "submitted") or lane.next_nonce != (row.nonce or 0) + 1:
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
    """The bytes are sent before the commit that stores them."""
    real = dispatch.commit

    def commit(body: Any, *args: Any) -> Any:
        if body is dispatch.allocate:
            resources.chain("local").send_many([one.signed.raw for one in args[1]])
        return real(body, *args)

    patch.setattr(dispatch, "commit", commit)


def believe_the_newest(patch: Any) -> None:
    """The error "replacement underpriced" counts as success: only the newest bytes are looked for from then on."""
    real = confirmation.look

    def look(view: Any, rows: Any, attempts: Any, below: Any) -> Any:
        newest = {
            one: found[-1:] if found and found[-1].last_result == "sent" else found
            for one, found in attempts.items()
        }
        return real(view, rows, newest, below)

    patch.setattr(confirmation, "look", look)
    patch.setattr(nonce_sync, "find_holder", lambda *args: None)  # the checks that would detect it
    patch.setitem(attempt_rules.STEPS, "replacement_underpriced", "wait")
    patch.setattr(broadcast, "Sent", _believing)


def _believing(transaction: Any, attempt: Any, outcome: Any) -> Any:
    seen = "sent" if outcome == "replacement_underpriced" else outcome
    return _Sent(transaction, attempt, seen)


_Sent = broadcast.Sent


def terminal_at_once(patch: Any) -> None:
    """A mined transaction is final, whatever comes after."""
    from shared.engine import chain_view

    patch.setattr(chain_view.ChainView, "proven_receipts", _receipts)
    patch.setattr(chain_view.ChainView, "read_confirmed", lambda self: self.head.number)
    patch.setattr(chain_view.ChainView, "read_finalized", lambda self: self.head.number)
    patch.setattr(
        chain_view.ChainView, "proves_hash", lambda self, number, wanted: self.hash_at(number) == wanted
    )


def _receipts(view: Any, number: int) -> Any:
    return {receipt.hash: receipt for receipt in view.client.receipts_of_block(number)}


def count_again_after_a_restart(patch: Any) -> None:
    """A starting process takes its next nonce from the chain, not from the store; nor does an index prevent a nonce
    from being given twice."""
    real, restart, unique = dispatch.drain, History.restart, MemoryDatabase._check_unique
    forgetful = [False]

    def restarted(history: History) -> None:
        restart(history)
        forgetful[0] = True

    def drain(lane_id: str) -> None:
        lane = Session(resources.database().snapshot()).maybe(LANES.find(lane_id))
        if forgetful[0] and lane is not None:
            forgetful[0] = False
            _, count = resources.chain("local").balance_and_nonce(lane.address)
            resources.database().write([LANES.write("update", replace(lane, next_nonce=count))])
        real(lane_id)

    def check_others(database: MemoryDatabase, index: Any, *row: Any) -> None:
        if index is not TRANSACTIONS_BY_NONCE:
            unique(database, index, *row)

    patch.setattr(MemoryDatabase, "_check_unique", check_others)
    patch.setattr(History, "restart", restarted)
    patch.setattr(dispatch, "drain", drain)


def replace_without_a_bump(patch: Any) -> None:
    """The same nonce is sent again at the market's fee, and no node accepts it beside the first."""
    patch.setattr(attempt_rules, "replacement", lambda old, market, caps: market or old)
    patch.setattr(attempt_rules, "replaces", lambda old, new: True)


def trust_one_node(patch: Any) -> None:
    """Depth, finality and outcomes come from the first node that answers."""

    def quorum(pool: Any, key: Any, ask: Any, head: int) -> Any:
        return pool.read(ask)

    def quorum_each(pool: Any, keys: Any, ask: Any, head: int) -> Any:
        return pool.read(ask)

    patch.setattr(Pool, "quorum", quorum)
    patch.setattr(Pool, "quorum_each", quorum_each)
    patch.setattr(Pool, "reached", lambda pool, ask: pool.read(ask))


def refund_twice(patch: Any) -> None:
    """A transaction's commitment is given back when its outcome is known, and once more when that is final."""
    real = batch.follow

    def follow(unit: Any, before: Any, after: Any) -> None:
        real(unit, before, after)
        if after.finalized and before.terminal and bookings.commits(after):
            pair = bookings.get(unit, after.from_address, after.chain, after.token_address)
            coin = replace(pair.coin, committed=max(0, pair.coin.committed - after.committed_gas))
            bookings.put(unit, pair._replace(coin=coin))

    patch.setattr(batch, "follow", follow)


def cancelled_when_asked_for(patch: Any) -> None:
    """Once a no-op is sent, it decides, whichever of the two was mined."""
    real = outcome.conclude

    def conclude(row: Any, attempt: Any, receipt: Any, *args: Any, **more: Any) -> Any:
        after = real(row, attempt, receipt, *args, **more)
        undone = after.state == "confirmed" and row.undo_state is not None
        return replace(after, state=row.undo_state) if undone else after

    patch.setattr(outcome, "conclude", conclude)


def mined_is_paid(patch: Any) -> None:
    """Every transaction in a block succeeded: nobody checks the receipt's status."""
    real = outcome.conclude

    def conclude(row: Any, attempt: Any, receipt: Any, *args: Any, **more: Any) -> Any:
        return real(row, attempt, replace(receipt, success=True), *args, **more)

    patch.setattr(outcome, "conclude", conclude)


def resume_after_the_first(patch: Any) -> None:
    """An address goes on when the first of its lost nonces is given up, or one of its transactions has funds again."""
    real = nonce_sync.resume
    patch.setattr(
        nonce_sync, "resume", lambda unit, lane_id, reason, waiting: real(unit, lane_id, reason, [])
    )
    patch.setattr(
        lane_rules,
        "pause_for_foreign",
        lambda lane, now: lane if lane.paused_reason else lane_rules.pause(lane, "FOREIGN_NONCE", now),
    )


# With the first history that has shown it. It is tried before the others, which takes a second instead of
# many. After a change of the engine another history may be the first: then this test becomes slow.
MISTAKES: list[tuple[Mistake, type[History], int]] = [
    (recycle_on_timeout, History, 167),
    (store_after_the_send, History, 115),
    (believe_the_newest, History, 4),
    (terminal_at_once, History, 1),
    (count_again_after_a_restart, History, 2),
    (trust_one_node, History, 73),
    (replace_without_a_bump, WalletsHistory, 8),
    (refund_twice, ClaimsHistory, 0),
    (cancelled_when_asked_for, WalletsHistory, 7),
    (mined_is_paid, ClaimsHistory, 15),
    (resume_after_the_first, History, 15),
]


@pytest.mark.parametrize(("mistake", "kind", "known"), MISTAKES)
def test_a_known_mistake_is_caught(
    mistake: Mistake, kind: type[History], known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (known, *range(SEEDS)):
        history = kind(seed)
        with monkeypatch.context() as patch:
            mistake(patch)
            with world(history, patch):
                if isinstance(history, WalletsHistory):
                    history.stage(patch)
                try:
                    history.run()
                except (AssertionError, KeyError):
                    return
    raise AssertionError(f"{mistake.__name__} survives {SEEDS} histories")
