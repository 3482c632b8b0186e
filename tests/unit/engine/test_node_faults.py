"""Nodes in trouble: what one of them answers, lacks or cannot do decides nothing and blocks nobody else."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.chain.errors import Ambiguous, ChainError, ExecutionReverted, Lagging, MethodMissing, Unreachable
from shared.chain.types import CallRequest
from shared.keys.errors import VaultUnavailable
from shared.store.session import Session
from shared.store.tables.transactions import DUE_PAGE, LANE_SHARDS, LANES, RECEIPTS, TRANSACTIONS
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
    """Send a transaction, mine it and look once; returns its block's number."""
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
    """Somebody has filled it with logs, which is cheap on some chains."""
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
    """This node's block receipts, with a foreign one added."""
    return lambda node, params: [*node.eth_getBlockReceipts(*params), receipt]


STRANGE = {"transactionHash": "0x" + "77" * 32, "status": None, "blockHash": "0x1", "logs": []}


@pytest.mark.parametrize(
    "receipt", [STRANGE, STRANGE | {"gasUsed": "0x1"}, {"transactionHash": "0x" + "66" * 32}]
)
def test_nobody_elses_receipt_has_a_say(history: StepwiseHistory, receipt: Any) -> None:
    """Clients disagree about the chain's own transactions, and some show them without the usual fields."""
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
    """optimism#11614: the bump failed, and bytes that the pool had lost were never sent again."""
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
    history.node.base_fee = 4 * GWEI  # above the offered fee, below the committed gas
    history.tick_through(20)
    assert history.row(1).state == "confirmed" and history.row(1).attempt_count > 1


def test_what_another_chain_cannot_finish_holds_up_nobody(history: StepwiseHistory) -> None:
    """Its nodes are down, and by now its unfinished transactions are the oldest of all."""
    number = sent(history)
    other = replace(history.row(number), chain="sepolia", lane_id="sepolia:0x1", next_action_at=START)
    rows = [
        replace(other, id=f"txn_{n}", idem_key=f"{n}", nonce=n) for n in range(DUE_PAGE * LANE_SHARDS // 4)
    ]
    history.database.write([TRANSACTIONS.write("insert", row) for row in rows])
    history.tick_through(10)
    assert history.row(number).finalized


def test_a_receipt_that_a_node_invents_decides_nothing(history: StepwiseHistory) -> None:
    """Its block is canonical but does not contain the bytes: once this is proven, the receipt counts like one from a
    removed block."""
    number = sent(history, blocks=0)
    history.node.base_fee = 50 * GWEI  # nothing is mined
    history.mine()
    block, wanted = history.node.blocks[-1], history.row(number).hash

    def receipt(node: Any, params: list[Any]) -> Any:
        if params[0] != wanted:
            return node.eth_getTransactionReceipt(*params)
        return {
            "transactionHash": wanted, "blockHash": block.hash, "blockNumber": hex(block.number), "status": "0x1",
            "gasUsed": "0x5208", "effectiveGasPrice": "0x1", "contractAddress": None, "logs": [],
        }  # fmt: skip

    address = history.owner.address.lower()

    def count(node: Any, params: list[Any]) -> Any:
        return "0x2" if params[0].lower() == address else node.eth_getTransactionCount(*params)

    liar = Twisted(history, eth_getTransactionReceipt=receipt, eth_getTransactionCount=count)
    history.use(liar, history.node)
    history.attempt(history.tick)
    history.node.base_fee = GWEI
    liar.answers.clear()
    history.tick_through(20)
    assert history.row(number).state == "confirmed" and history.row(number).finalized
    history.judge()


def test_an_endpoint_that_hangs_holds_up_nobody(history: StepwiseHistory) -> None:
    """Ten seconds for each call to it made a pass of minutes; evidence waits, and broadcasts do not."""
    hanging = Twisted(history)

    def hang(*args: Any, **kwargs: Any) -> Any:
        history.clock.moment += timedelta(seconds=10)
        raise Unreachable("time-out")

    for _ in range(12):
        history.attempt(history.accept)
    history.attempt(history.hint)
    history.use(history.node, hanging)
    history.attempt(history.tick)
    history.mine()
    hanging.call = hanging.batch = hang  # type: ignore[assignment,method-assign]
    took = []
    for _ in range(6):
        history.mine()
        began = history.clock.moment
        history.attempt(history.tick)
        took.append((history.clock.moment - began).total_seconds())
    assert max(took) <= 20 and sum(took) <= 60, took
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.mine()
    assert history.row(13).hash in {one.hash for one in history.node.canonical()}


def test_a_hint_for_a_full_lane_reads_no_queue(history: StepwiseHistory) -> None:
    room = history.client.spec.max_inflight
    lane = Session(history.database.snapshot()).one(LANES.get(history.row(0).lane_id))
    full = replace(lane, next_nonce=lane.chain_nonce + room)
    history.database.write([LANES.write("update", full)])
    for _ in range(3):
        history.attempt(history.accept)
    read: list[Any] = []
    real = history.database.read

    def counted(*reads: Any) -> Any:
        read.extend(reads)
        return real(*reads)

    history.database.read = counted
    history.attempt(history.hint)
    assert [one.table for one in read if one.table == "transactions" and one.index is None] == []


def test_logs_without_measure_are_cut_and_that_is_said(history: StepwiseHistory) -> None:
    """They exceed a column's size: the row could never be written, and its batch was retried one by one forever."""
    log = {"address": "0x" + "55" * 20, "topics": ["0x" + "77" * 32], "data": "0x" + "00" * 50_000}

    def with_logs(receipt: Any) -> Any:
        return receipt and receipt | {"logs": [log | {"logIndex": hex(at)} for at in range(14)]}

    def of_block(node: Any, params: list[Any]) -> Any:
        return [with_logs(one) for one in node.eth_getBlockReceipts(*params)]

    noisy = Twisted(
        history,
        eth_getBlockReceipts=of_block,
        eth_getTransactionReceipt=lambda node, params: with_logs(node.eth_getTransactionReceipt(*params)),
    )
    history.use(noisy, noisy)
    number = sent(history)
    history.tick_through(12)
    assert history.row(number).finalized
    stored = Session(history.database.snapshot()).one(RECEIPTS.get(history.row(number).id))
    assert len(json.dumps(stored.logs)) < 2_621_440 // 8
    assert (len(stored.logs), stored.logs_omitted) == (2, 12)


def test_why_a_transaction_reverted_is_told(history: StepwiseHistory) -> None:
    history.node.faults.revert = 1.0
    reason = "0x08c379a0" + f"{32:064x}{6:064x}" + b"paused".hex().ljust(64, "0")

    def call(node: Any, params: list[Any]) -> Any:
        raise ExecutionReverted("execution reverted", data=bytes.fromhex(reason[2:]))

    explaining = Twisted(history, eth_call=call)
    history.use(explaining, explaining)
    number = sent(history)
    history.tick_through(12)
    row = history.row(number)
    assert (row.state, row.error, row.error_message) == ("reverted", "EXECUTION_REVERTED", "paused")


@pytest.mark.parametrize("ask", ["confirmed", "preflight"])
def test_a_balance_at_an_invented_height_stands_above_no_later_one(
    history: StepwiseHistory, ask: str
) -> None:
    """The node that invents the height also answers for it; a later read at a true height must count."""

    def height(node: Any, params: list[Any]) -> Any:
        return hex(node.blocks[-1].number + 5_000)

    def balance(node: Any, params: list[Any]) -> Any:
        return "0x1"

    liar = Twisted(history, eth_blockNumber=height, eth_getBalance=balance)
    history.use(liar, history.node)
    head = history.node.blocks[-1].number
    if ask == "confirmed":
        assert history.client.balances(history.owner.address).block <= head + 5
    else:
        call = CallRequest(history.owner.address, "0x" + "ab" * 20, 1)
        assert history.client.preflight(call).balances.block <= head + 5
    liar.answers.clear()
    for _ in range(12):
        history.mine()
    assert history.client.balances(history.owner.address).block > head + 5
