"""Nonces without a row: filled if nothing else can take them, and given up automatically if something did."""

from __future__ import annotations

from typing import Any

import pytest

from shared.keys.accounts import sign_transaction
from shared.store.session import Session
from shared.store.tables.transactions import LANES
from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_node_faults import Twisted


class Behind(Twisted):
    """A node that shows only the first `height` blocks of the chain."""

    height = 0

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        blocks, pool = self.node.blocks, self.node.pool
        if method == "eth_sendRawTransaction":
            return self.node.call(method, params)
        self.node.blocks, self.node.pool = blocks[: self.height + 1], {}
        try:
            return super().call(method, params)
        finally:
            self.node.blocks, self.node.pool = blocks, pool


class Boaster(Twisted):
    """A node that claims a million more transactions for an address."""

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        answer = super().call(method, params)
        return hex(int(answer, 16) + 10**6) if method == "eth_getTransactionCount" else answer


def lane_of(history: StepwiseHistory) -> Any:
    return Session(history.database.snapshot()).maybe(LANES.find(f"local:{history.owner.address.lower()}"))


def noops(history: StepwiseHistory) -> list[Any]:
    return [row for row in history.rows() if row.kind == "noop"]


def send_from_elsewhere(history: StepwiseHistory, nonce: int, gwei: int) -> str:
    """The owner's other wallet program sends with the same key."""
    signed = sign_transaction(
        {
            "chainId": 31337, "nonce": nonce, "to": "0x" + "ee" * 20, "value": 7, "gas": 21_000,
            "maxFeePerGas": gwei * GWEI, "maxPriorityFeePerGas": gwei * GWEI // 10,
        },
        history.key,
    )  # fmt: skip
    return history.node.take(signed.raw)


@pytest.fixture
def late(history: StepwiseHistory) -> StepwiseHistory:
    """An address with earlier transactions from elsewhere, seen by a node that is up to date."""
    history.owner = history.wallet_of_another_address()
    history.accepted.clear()
    for nonce in range(3):
        send_from_elsewhere(history, nonce, 50)
        history.mine()
    return history


def test_a_lagging_endpoint_does_not_have_old_nonces_filled(late: StepwiseHistory) -> None:
    late.attempt(late.accept)
    late.attempt(late.hint)
    assert late.row(0).nonce == 3
    behind = Behind(late)
    behind.height = len(late.node.blocks) - 3
    late.use(behind, late.node)
    for endpoint in late.client.pool.endpoints[1:]:
        endpoint.latency = 5.0  # the lagging one is asked first
    late.tick_through(6)
    behind.height = 10**6  # it has caught up
    late.tick_through(12)
    assert noops(late) == []
    assert late.row(0).state == "confirmed" and lane_of(late).paused_reason is None


def test_a_lane_opens_behind_all_that_any_node_knows(late: StepwiseHistory) -> None:
    """Otherwise its first nonces would be used already, and a person would have to give them up."""
    behind = Behind(late)
    behind.height = len(late.node.blocks) - 3
    late.use(behind, late.node)
    late.client.pool.endpoints[1].latency = 5.0  # the lagging one is asked first
    late.attempt(late.accept)
    late.attempt(late.hint)
    assert late.row(0).nonce == 3
    behind.height = 10**6
    late.tick_through(12)
    assert late.row(0).state == "confirmed" and lane_of(late).paused_reason is None


@pytest.mark.parametrize("first", [True, False], ids=["asked first", "asked last"])
def test_one_node_that_lies_does_not_open_a_lane_where_nothing_can_be_mined(
    late: StepwiseHistory, first: bool
) -> None:
    liar = Boaster(late)
    late.use(*((liar, late.node) if first else (late.node, liar)))
    late.client.pool.endpoints[1].latency = 5.0
    late.attempt(late.accept)
    late.attempt(late.hint)
    late.use(late.node, late.mirror)
    late.tick_through(12)
    assert late.row(0).state == "confirmed" and late.row(0).nonce == 3
    assert noops(late) == [] and lane_of(late).paused_reason is None


def test_what_the_owner_has_pending_is_left_alone(late: StepwiseHistory) -> None:
    late.node.base_fee = 10 * GWEI
    own = send_from_elsewhere(late, 3, 2)  # too cheap for now
    late.attempt(late.accept)
    late.attempt(late.hint)
    late.tick_through(6)
    assert late.row(0).nonce == 4 and noops(late) == []
    late.node.base_fee = GWEI
    late.tick_through(12)
    assert own in {one.hash for one in late.node.canonical()}
    assert late.row(0).state == "confirmed" and noops(late) == []


def test_what_the_owner_had_pending_and_every_node_lost_is_filled(late: StepwiseHistory) -> None:
    late.node.base_fee = 10 * GWEI
    own = send_from_elsewhere(late, 3, 2)
    late.attempt(late.accept)
    late.attempt(late.hint)
    assert late.row(0).nonce == 4
    del late.node.pool[late.owner.address.lower(), 3]
    late.tick_through(15)
    assert late.row(0).finalized and late.row(0).state == "confirmed"
    assert [row.nonce for row in noops(late)] == [3]
    assert own not in {one.hash for one in late.node.canonical()}


def test_a_no_op_that_lost_to_another_sender_is_given_up_by_itself(late: StepwiseHistory) -> None:
    """Nobody requested it, so it needs nobody's consent; its lane continues."""
    own = send_from_elsewhere(late, 3, 500)
    late.attempt(late.accept)
    late.attempt(late.hint)
    assert late.row(0).nonce == 4
    kept = late.node.pool.pop((late.owner.address.lower(), 3))
    late.attempt(late.tick)
    late.attempt(late.tick)
    assert [row.nonce for row in noops(late)] == [3]
    late.node.pool[late.owner.address.lower(), 3] = kept  # it returns with a higher fee
    late.tick_through(15)
    (noop,) = noops(late)
    assert own in {one.hash for one in late.node.canonical()}
    assert (noop.state, noop.finalized) == ("rejected", True)
    assert lane_of(late).paused_reason is None
    assert late.row(0).state == "confirmed"
