"""Reorganisations under the index, and nodes that lag and lie: the stored events equal the node's own view."""

from __future__ import annotations

from typing import Any

import pytest

from shared import resources
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.errors import ChainError
from shared.chain.pool import Pool
from shared.chain.rpc import RpcClient
from shared.contracts.events import rolling_back
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.contracts.index_world import Indexed
from tests.support.batches import Batches


@pytest.fixture
def indexed(lab: Lab) -> Indexed:
    return Indexed(lab)


@pytest.mark.parametrize("depth", [3, 40])
def test_a_reorganisation_takes_events_back(indexed: Indexed, changed: Any, depth: int) -> None:
    changed(confirmations=30)
    lab = indexed.lab
    lab.world.mine(3)
    logger = lab.take("Logger")
    indexed.follow(logger, confirmations=2)
    indexed.passes()
    for number in range(depth):
        indexed.send(logger, "note", number, "first")
        lab.world.mine()
    indexed.passes(3)
    assert indexed.stored(logger) == indexed.node(logger) and len(indexed.node(logger)) == depth
    lab.world.control("anvil_reorg", depth, [])
    indexed.passes(4)
    assert indexed.stored(logger) == indexed.node(logger) == []
    gone = indexed.told("contract.events_reorged")
    assert sum(one["count"] for one in gone) == depth - 1  # the newest was not announced yet
    indexed.send(logger, "note", 100, "second")
    lab.world.mine(2)
    indexed.passes(4)
    assert indexed.stored(logger) == indexed.node(logger) and len(indexed.node(logger)) == 1
    assert indexed.told("contract.event")[-1]["events"][0]["arguments"]["number"] == "100"
    assert indexed.state(logger)["index"]["fault"] is None
    assert indexed.rows() == indexed.fresh() != []


def test_blocks_are_taken_back_one_by_one(
    indexed: Indexed, changed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single commit would hold the events of all twenty full blocks, and the store would refuse it forever."""
    changed(confirmations=30)
    lab, taken = indexed.lab, []
    logger, take_back = lab.take("Logger"), rolling_back._take_back
    indexed.follow(logger)
    indexed.passes()
    for number in range(3):
        indexed.send(logger, "note", number, "first")
        lab.world.mine()
    indexed.passes(3)

    def counted(unit: Any, index: Any, gone: Any, below: Any) -> Any:
        taken.append(gone.number)
        return take_back(unit, index, gone, below)

    monkeypatch.setattr(rolling_back, "_take_back", counted)
    lab.world.control("anvil_reorg", 3, [])
    indexed.passes(4)
    assert taken == sorted(taken, reverse=True), "bodies may run again"
    assert len(set(taken)) == 3 and indexed.stored(logger) == []


@pytest.mark.parametrize("depth", [3, 40])
def test_what_only_a_block_that_is_gone_announced_is_not_followed(
    indexed: Indexed, changed: Any, depth: int
) -> None:
    """A factory's contracts: one from before, one from the removed block, and one that its user follows itself."""
    changed(confirmations=30)
    lab = indexed.lab
    factory = lab.take("LoggerFactory")
    rule = {"event": "Made", "argument": "logger", "abi": lab.code["Logger"].abi}
    indexed.follow(factory, factory=rule, confirmations=1)
    indexed.passes(2)
    indexed.send(factory, "make", 1)
    lab.world.mine()
    lab.world.mine(2)
    for _ in range(2):
        indexed.send(factory, "make", 1)
        lab.world.mine()
    lab.world.mine(depth - 2)
    indexed.passes(4)
    listed = lab.world.app.ok(200, "GET", "/contracts", user=USER)["items"]
    first, second, last = sorted(
        (one for one in listed if one["id"] != factory["id"]), key=lambda one: one["name"]
    )
    indexed.follow(second, confirmations=3)
    assert indexed.state(second)["parent_id"] is None
    assert indexed.state(factory)["factory"]["contracts"] == 2, "what its user follows itself counts no more"
    lab.world.control("anvil_reorg", depth, [])
    indexed.passes(4)
    path = f"/contracts/{last['id']}"
    assert lab.world.app.call("GET", path, user=USER).code == "NOT_FOUND"
    assert len(indexed.events(first)) == 1 and indexed.events(second) == []
    assert indexed.state(factory)["factory"]["contracts"] == 1
    assert {row.address for row in indexed.rows()} == {one["address"].lower() for one in (factory, first)}
    indexed.send(factory, "make", 2)  # at the addresses of the two removed contracts
    lab.world.mine(2)
    indexed.passes(4)
    listed = lab.world.app.ok(200, "GET", "/contracts", user=USER)["items"]
    assert sorted(one["address"] for one in listed) == sorted(
        one["address"] for one in (factory, first, second, last)
    )
    assert len(indexed.events(second)) == 1
    assert indexed.rows() == indexed.fresh()


def test_a_chain_that_is_another_one_is_said(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.contracts.events import live
    from shared.domain.contracts import events

    monkeypatch.setattr(events, "WINDOW", 2)
    monkeypatch.setattr(live, "PRUNED_AT_ONCE", 1)
    lab = indexed.lab
    logger = lab.take("Logger")
    indexed.follow(logger)
    lab.world.mine(10)
    indexed.passes(2)
    lab.world.control("anvil_reorg", 9, [])
    indexed.passes(2)
    assert indexed.state(logger)["index"]["fault"] == "forked"


class Node(Batches):
    """A node that omits logs, invents logs, and hides its newest or its oldest blocks, between the product and a real
    node."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        lags: int = 0,
        hides: bool = False,
        invents: bool = False,
        pruned: int = 0,
    ) -> None:
        self.inner, self.name = RpcClient(name, url), name
        self.lags, self.hides, self.invents, self.pruned = lags, hides, invents, pruned

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        head = int(self.inner.call("eth_blockNumber", []), 16) - self.lags
        return [self._one(method, list(params), head) for method, params in calls]

    def _one(self, method: str, params: list[Any], head: int) -> Any:
        if method == "eth_blockNumber":
            return hex(head)
        if method == "eth_getBlockByNumber":
            number = head if params[0] == "latest" else int(params[0], 16)
            if number > head or number < self.pruned:
                return None
            params[0] = hex(number)
        if method == "eth_getLogs" and self.hides:
            return []
        try:
            answer = self.inner.call(method, params)
        except ChainError as error:
            return error
        if method == "eth_getLogs" and self.invents and answer:
            more = {
                **answer[0],
                "logIndex": hex(int(answer[-1]["logIndex"], 16) + 1),
                "data": "0x" + "ff" * 96,
            }
            return [*answer, more]
        return answer

    def close(self) -> None:
        self.inner.close()


def url() -> str:
    return resources.settings().rpc_urls["local"][0]


@pytest.fixture
def nodes(indexed: Indexed) -> Any:
    from shared.resources import override

    undo = []

    def use(*made: Node) -> None:
        spec = resources.registry().chain("local")
        client = ChainClient(spec, Pool([Endpoint(node, spec.chain_id) for node in made]))
        block = override(**{"chain:local": client})
        block.__enter__()
        undo.append((block, client))

    yield use
    for block, client in reversed(undo):
        block.__exit__(None, None, None)
        client.close()


@pytest.mark.parametrize("lie", ["hides", "invents"])
def test_one_node_of_three_lies_and_one_lags(indexed: Indexed, nodes: Any, lie: str) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    for number in range(3):
        indexed.send(logger, "note", number, "old")
        lab.world.mine()
    lab.world.mine(4)
    nodes(Node(url(), "liar", **{lie: True}), Node(url(), "late", lags=2), Node(url(), "sound"))
    indexed.follow(logger, from_block=0)
    for number in range(5):
        indexed.send(logger, "note", number, "x")
        lab.world.mine()
        indexed.passes(2)
    lab.world.mine(3)
    indexed.passes(3)
    assert indexed.stored(logger) == indexed.node(logger) and len(indexed.node(logger)) == 8
    assert indexed.state(logger)["fault"] is None
    assert indexed.rows() == indexed.fresh()


def test_two_that_disagree_stop_the_index_and_are_said(indexed: Indexed, nodes: Any) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    indexed.follow(logger)
    indexed.passes()
    nodes(Node(url(), "liar", hides=True), Node(url(), "sound"))
    indexed.send(logger, "note", 1, "x")
    lab.world.mine(2)
    indexed.passes(2)
    assert indexed.events(logger) == []
    state = indexed.state(logger)["index"]
    assert state["fault"] == "no_quorum" and state["indexed_to"] < lab.world.head()
    nodes(Node(url(), "honest"), Node(url(), "sound"))
    indexed.passes(2)
    assert indexed.stored(logger) == indexed.node(logger) != []


def test_a_fault_says_that_nodes_are_pruned(indexed: Indexed, nodes: Any) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    lab.world.mine(6)
    nodes(Node(url(), "pruned", pruned=4))
    indexed.follow(logger, from_block=1)
    indexed.passes(2)
    state = indexed.state(logger)
    assert state["fault"] == "pruned" and state["live"] and state["blocks_missing"] > 0
    nodes(Node(url(), "archive"))
    indexed.passes(2)
    state = indexed.state(logger)
    assert (state["fault"], state["blocks_missing"]) == (None, 0)


def test_many_followed_contracts_are_read_without_a_filter(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.contracts.events import live

    monkeypatch.setattr(live, "MAX_ADDRESSES", 2)
    lab = indexed.lab
    loggers = [lab.take("Logger") for _ in range(4)]
    stranger = lab.take("Logger")
    for logger in loggers:
        indexed.follow(logger)
    indexed.passes()
    for logger in (*loggers, stranger):
        indexed.send(logger, "note", 1, "x")
    lab.world.mine()
    indexed.passes(2)
    for logger in loggers:
        assert indexed.stored(logger) == indexed.node(logger) != []
    assert lab.world.app.call("GET", f"/contracts/{stranger['id']}/events", user=USER).code == "NOT_FOLLOWED"
