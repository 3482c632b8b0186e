"""The local chain in its file: reading it gives the same chain, with its clock, and it is complete whenever the node
dies."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from emulators import chain_keeper, kept
from emulators.chain_keeper import ChainKeeper
from emulators.client import wait_for
from emulators.kept import Kept
from emulators.services import NODE
from emulators.stack import Stack, StartError
from shared import resources
from shared.chain.rpc import RpcClient
from shared.store.port import Database

ETHER = 10**18
SOMEBODY = "0x" + "5a" * 20


@pytest.fixture
def data(tmp_path: Path, database: Database, emulators: Mapping[str, str]) -> Iterator[Kept]:
    made = Kept(tmp_path / "data")
    assert not made.prepare(fresh=False)
    with resources.override(fresh=True, database=database):
        yield made


def started(data: Kept) -> Stack:
    """Start a separate node on the kept data."""
    flags = {"node": [*NODE.flags, *data.node_flags()]}
    return Stack.start(data.folder.parent, ["node"], given={}, flags=flags)


def block(node: RpcClient, number: int | str) -> dict[str, Any]:
    found: dict[str, Any] = node.call(
        "eth_getBlockByNumber", [hex(number) if isinstance(number, int) else number, False]
    )
    return found


def pay(node: RpcClient) -> str:
    (bank, *_) = node.call("eth_accounts", [])
    sent = node.call("eth_sendTransaction", [{"from": bank, "to": SOMEBODY, "value": hex(ETHER)}])
    wait_for("its block", lambda: node.call("eth_getTransactionReceipt", [sent]), 10.0, 0.02)
    return str(sent)


def a_later_second(data: Kept) -> None:
    """Wait for a later second than the one in which the kept chain began."""
    began = json.loads(data.mark.read_text())["began"]
    wait_for("a later second", lambda: int(time.time()) > began, 5.0, 0.02)


def newest(node: RpcClient) -> int:
    return int(block(node, "latest")["number"], 16)


def until_looked_at(keeper: ChainKeeper, number: int) -> None:
    wait_for(f"block {number}", lambda: int(keeper._seen["number"], 16) >= number, 10.0, 0.02)


def test_a_chain_is_the_same_after_every_reading(data: Kept) -> None:
    with started(data) as stack:
        url = stack.env["RPC_URL"]
        node = chain_keeper.client(url)
        keeper = ChainKeeper(url, data.chain)
        keeper.start()
        data.begun(url)
        sent = pay(node)
        receipt = node.call("eth_getTransactionReceipt", [sent])
        node.call("evm_increaseTime", [hex(7200)])
        node.call("anvil_mine", ["0x1"])
        keeper.stop()
        node.close()
    for times in range(2):
        assert data.prepare(fresh=False)
        a_later_second(data)  # now the node's own first block would differ
        with started(data) as stack:
            node = chain_keeper.client(stack.env["RPC_URL"])
            newest = block(node, "latest")
            data.resume(stack.env["RPC_URL"])
            now = block(node, "latest")
            ahead = int(now["timestamp"], 16) - time.time()
            assert 7000 < ahead < 7300, times  # the clock never goes back
            assert int(now["number"], 16) >= int(newest["number"], 16) + chain_keeper.DEPTH
            assert node.call("eth_getTransactionReceipt", [sent]) == receipt
            held = node.call("eth_getBalance", [SOMEBODY, hex(int(now["number"], 16) - 3)])
            assert int(held, 16) == ETHER
            chain_keeper.write(node, data.chain)
            node.close()
        numbers = Counter(
            int(one["header"]["number"], 16) for one in json.loads(data.chain.read_bytes())["blocks"]
        )
        assert set(numbers.values()) == {1}


def test_a_block_that_holds_something_is_soon_in_the_file(data: Kept) -> None:
    with started(data) as stack:
        node, keeper = (
            chain_keeper.client(stack.env["RPC_URL"]),
            ChainKeeper(stack.env["RPC_URL"], data.chain),
        )
        keeper.start()
        before = data.chain.stat().st_mtime_ns
        node.call("anvil_mine", ["0x1"])
        node.call("anvil_mine", ["0x1"])
        wait_for("blocks made by hand", lambda: data.chain.stat().st_mtime_ns != before, 20.0, 0.02)
        until_looked_at(keeper, newest(node))
        before = data.chain.stat().st_mtime_ns
        until_looked_at(keeper, newest(node) + 2)  # two empty blocks
        assert data.chain.stat().st_mtime_ns == before
        sent = pay(node)
        wait_for("the transaction", lambda: sent in data.chain.read_text(), 20.0, 0.02)
        before = data.chain.stat().st_mtime_ns
        node.call("anvil_reorg", [1, []])
        wait_for("the reorganisation", lambda: sent not in data.chain.read_text(), 20.0, 0.02)
        keeper.stop()
        node.close()


def test_another_chain_is_refused(data: Kept) -> None:
    with started(data) as stack:
        data.begun(stack.env["RPC_URL"])
    a_later_second(data)  # chains that begin in the same second begin alike
    with started(data) as stack, pytest.raises(StartError, match="knows another chain"):
        data.resume(stack.env["RPC_URL"])


def test_what_is_not_whole_is_refused_and_fresh_begins_anew(data: Kept) -> None:
    with started(data) as stack:
        node = chain_keeper.client(stack.env["RPC_URL"])
        chain_keeper.write(node, data.chain)
        node.close()
        data.begun(stack.env["RPC_URL"])
    assert data.prepare(fresh=False)
    whole = data.chain.read_bytes()
    data.chain.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StartError, match=r"chain\.json is broken: `make run FRESH=1`"):
        data.prepare(fresh=False)
    data.chain.unlink()
    with pytest.raises(StartError, match=r"chain\.json is missing from the kept data"):
        data.prepare(fresh=False)
    data.mark.write_text('{"files"')
    with pytest.raises(StartError, match=r"kept\.json is broken"):
        data.prepare(fresh=False)
    assert not data.prepare(fresh=True)
    assert list(data.folder.iterdir()) == []


def test_a_start_that_was_killed_half_way_is_begun_anew(data: Kept) -> None:
    data.store.write_text("half")
    (data.state / "mail").mkdir(parents=True)
    assert not data.prepare(fresh=False)
    assert list(data.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("spanner", "pubsub", "keeps"),
    [
        ("embedded", "embedded", True),
        ("embedded", "given", True),
        ("embedded", "emulator", False),
        ("emulator", "embedded", False),
        ("given", "given", False),
    ],
)
def test_nothing_is_kept_of_what_forgets(
    data: Kept, monkeypatch: pytest.MonkeyPatch, spanner: kept.Choice, pubsub: kept.Choice, keeps: bool
) -> None:
    monkeypatch.delenv("EMBEDDED_FILE", raising=False)
    assert data.applies({"spanner": spanner, "pubsub": pubsub, "node": "emulator"}) is keeps


def test_a_store_of_the_callers_own_needs_its_chain(data: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDED_FILE", "/somewhere/store.sqlite")
    with pytest.raises(StartError, match="set both, or neither"):
        data.applies({"spanner": "embedded", "pubsub": "embedded", "node": "emulator"})
    assert not data.applies({"spanner": "embedded", "pubsub": "embedded", "node": "given"})
