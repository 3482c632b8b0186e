"""Nodes in trouble: what one of them says, lacks or cannot do decides nothing and holds up nobody else."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from shared.chain.errors import Ambiguous, ChainError, Lagging, MethodMissing, Unreachable
from shared.engine import nonce_sync as engine_lanes
from shared.keys.errors import VaultUnavailable
from shared.store.session import Session
from shared.store.tables.transactions import DUE_PAGE, DUE_SHARDS, LANES, TRANSACTIONS
from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.simulation import START
from tests.unit.engine.stepwise import StepwiseHistory


class Twisted:
    """An endpoint of the same chain whose answers a test changes."""

    def __init__(self, history: StepwiseHistory, **answers: Any) -> None:
        self.name, self.node, self.answers = f"faulty#{id(self) % 97}", history.node, answers

    def close(self) -> None: ...

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        if (answer := self.answers.get(method)) is None:
            return self.node.call(method, params)
        return answer(self.node, params)

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        answers: list[Any] = []
        for method, params in calls:
            try:
                answers.append(self.call(method, params))
            except ChainError as error:
                answers.append(error)
        return answers


def sent(history: StepwiseHistory, blocks: int = 1) -> int:
    """A transaction in a block, looked at once; its number."""
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.tick_through(blocks)
    return len(history.accepted) - 1


def ahead(node: Any, params: list[Any]) -> Any:
    block = node.eth_getBlockByNumber(*params)
    return block | {"number": hex(int(block["number"], 16) + 50)} if params[0] == "latest" else block


def test_a_node_that_claims_to_be_ahead_makes_nothing_final(history: StepwiseHistory) -> None:
    history.use(Twisted(history, eth_getBlockByNumber=ahead), history.node)
    number = sent(history)
    assert (history.row(number).state, history.row(number).finalized) == ("mined", False)
    history.node.reorganise(1)
    history.node.pool.clear()
    history.tick_through(20)
    assert history.row(number).finalized and history.row(number).state == "confirmed"
    history.judge()


def test_nodes_that_lag_do_not_undo_what_is_mined(history: StepwiseHistory) -> None:
    number = sent(history)
    behind = history.node.blocks.pop()
    history.attempt(history.tick)
    history.attempt(history.tick)
    assert history.row(number).state == "mined"
    history.node.blocks.append(behind)
    history.tick_through(20)
    assert history.row(number).state == "confirmed" and history.row(number).version < 10


def test_a_block_too_large_to_be_shown_is_proven_receipt_by_receipt(history: StepwiseHistory) -> None:
    """Somebody has filled it with logs, which on cheap chains costs little."""
    history.use(Twisted(history, eth_getBlockReceipts=too_large), history.node)
    number = sent(history)
    history.tick_through(10)
    assert history.row(number).finalized


def too_large(node: Any, params: list[Any]) -> Any:
    raise Unreachable("the answer is too large")


def test_what_no_node_can_show_holds_up_only_itself(history: StepwiseHistory) -> None:
    first = sent(history)
    number, hidden = hex(history.node.blocks[-1].number), history.row(first).hash

    def receipts(node: Any, params: list[Any]) -> Any:
        return too_large(node, params) if params[0] == number else node.eth_getBlockReceipts(*params)

    def receipt(node: Any, params: list[Any]) -> Any:
        return too_large(node, params) if params[0] == hidden else node.eth_getTransactionReceipt(*params)

    def block(node: Any, params: list[Any]) -> Any:
        return {"number": None} if params[0] == number else node.eth_getBlockByNumber(*params)

    history.use(Twisted(history, eth_getBlockReceipts=receipts, eth_getTransactionReceipt=receipt))
    second = sent(history)
    history.use(
        Twisted(
            history,
            eth_getBlockReceipts=receipts,
            eth_getTransactionReceipt=receipt,
            eth_getBlockByNumber=block,
        )
    )
    history.tick_through(15)
    assert history.row(second).finalized
    assert history.row(first).state == "mined"


def with_strangers(receipt: Any) -> Any:
    """Block receipts with one that is not ours, as this node shows it."""
    return lambda node, params: [*node.eth_getBlockReceipts(*params), receipt]


STRANGE = {"transactionHash": "0x" + "77" * 32, "status": None, "blockHash": "0x1", "logs": []}


@pytest.mark.parametrize(
    "receipt", [STRANGE, STRANGE | {"gasUsed": "0x1"}, {"transactionHash": "0x" + "66" * 32}]
)
def test_nobody_elses_receipt_has_a_say(history: StepwiseHistory, receipt: Any) -> None:
    """Clients disagree about the chain's own transactions, and some show them without what every other one has."""
    history.use(history.node, Twisted(history, eth_getBlockReceipts=with_strangers(receipt)))
    number = sent(history)
    history.tick_through(10)
    assert history.row(number).finalized


def test_a_receipt_that_a_node_refuses_to_show_holds_up_only_its_own(history: StepwiseHistory) -> None:
    first = sent(history, blocks=0)
    hidden = history.row(first).hash

    def receipt(node: Any, params: list[Any]) -> Any:
        if params[0] == hidden:
            raise Ambiguous("transaction indexing is in progress")
        return node.eth_getTransactionReceipt(*params)

    history.use(Twisted(history, eth_getTransactionReceipt=receipt))
    history.tick_through(1)
    second = sent(history)
    history.tick_through(3)
    assert history.row(second).state == "confirmed"


def old_state(node: Any, params: list[Any]) -> Any:
    if params[1] not in ("latest", "pending"):
        raise Lagging("missing trie node")
    return node.eth_getTransactionCount(*params)


def test_nodes_without_the_finalized_state_still_track(history: StepwiseHistory) -> None:
    history.use(Twisted(history, eth_getTransactionCount=old_state))
    number = sent(history)
    history.tick_through(15)
    assert history.row(number).finalized


def test_an_answer_that_one_node_lacks_is_asked_of_the_other(history: StepwiseHistory) -> None:
    history.use(Twisted(history, eth_getTransactionCount=old_state), history.node)
    (counts,) = history.client.nonces([history.owner.address], 5)
    assert counts.finalized == 1


@pytest.mark.parametrize("trouble", ["fees", "keys"])
def test_bytes_go_out_again_although_no_more_can_be_offered(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """optimism#11614: the bump failed, and what the pool had lost was never sent again."""
    first = sent(history, blocks=0)
    second = sent(history, blocks=0)
    history.node.pool.clear()
    history.attempt(lambda: history.hasten_one(first))

    def missing(node: Any, params: list[Any]) -> Any:
        raise MethodMissing("eth_feeHistory")

    def unavailable(*args: Any) -> Any:
        raise VaultUnavailable

    if trouble == "fees":
        history.use(Twisted(history, eth_feeHistory=missing))
    else:
        monkeypatch.setattr("shared.engine.signer.Keys.sign", unavailable)
    history.tick_through(8)
    assert [history.row(one).state for one in (first, second)] == ["confirmed", "confirmed"]


def test_a_node_whose_answers_nobody_understands_is_offered_more(history: StepwiseHistory) -> None:
    def odd(node: Any, params: list[Any]) -> Any:
        with contextlib.suppress(ChainError):
            node.call("eth_sendRawTransaction", params)
        raise Ambiguous("E_TX_17")

    history.use(Twisted(history, eth_sendRawTransaction=odd))
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.node.base_fee = 4 * GWEI  # above what was offered, below what was committed
    history.tick_through(20)
    assert history.row(1).state == "confirmed" and history.row(1).attempt_count > 1


def test_what_another_chain_cannot_finish_holds_up_nobody(history: StepwiseHistory) -> None:
    """Its nodes are down, and by now its unfinished transactions are the oldest of all."""
    number = sent(history)
    other = replace(history.row(number), chain="sepolia", lane_id="sepolia:0x1", next_action_at=START)
    rows = [replace(other, id=f"txn_{n}", idem_key=f"{n}", nonce=n) for n in range(2 * DUE_PAGE * DUE_SHARDS)]
    history.database.write([TRANSACTIONS.write("insert", row) for row in rows])
    history.tick_through(10)
    assert history.row(number).finalized


def test_a_long_past_is_not_read(history: StepwiseHistory) -> None:
    """A node that starts anew shows no transactions of a lane that has thousands."""
    row = history.row(0)
    rows = [replace(row, id=f"txn_{n}", idem_key=f"{n}", nonce=n) for n in range(1, 5_000)]
    history.database.write([TRANSACTIONS.write("insert", one) for one in rows])
    lane = Session(history.database.snapshot()).one(LANES.get(row.lane_id))
    read: list[int] = []
    real = history.database.read

    def counted(*reads: Any) -> Any:
        found = real(*reads)
        read.extend(len(rows) for rows in found)
        return found

    history.database.read = counted
    engine_lanes.fill_gaps(replace(lane, next_nonce=5_000), 0, row)
    assert engine_lanes.any_transaction(row.lane_id) == row
    assert max(read) <= 1_024
    assert len(history.rows()) == 5_000
