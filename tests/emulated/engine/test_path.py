"""The ordinary path: accepted, sent, mined, confirmed, final; balances are exact, the order holds, nothing happens
twice."""

from __future__ import annotations

from eth_account import Account

from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES
from tests.emulated.engine.world import ETHER, World


def test_a_transfer_from_queued_to_final(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    queued = world.send(wallet, target, ETHER)
    assert queued["status"] == "queued"
    assert queued["nonce"] is None and queued["from"] == wallet.address and queued["to"] == target
    world.hints()
    submitted = world.get(wallet, queued["id"])
    assert submitted["status"] == "submitted"
    assert submitted["nonce"] == 0
    assert submitted["attempts"][0]["sent_at"]
    world.mine()
    world.tick()
    mined = world.get(wallet, queued["id"])
    assert (mined["status"], mined["confirmations"], mined["gas_used"]) == ("mined", 1, 21_000)
    world.mine()
    world.tick()
    done = world.get(wallet, queued["id"])
    assert done["status"] == "confirmed" and not done["finalized"]
    world.settle()
    assert world.get(wallet, queued["id"])["finalized"]
    assert world.balance(target) == ETHER
    cost = ETHER + 21_000 * int(done["effective_gas_price"])
    assert world.balance(wallet.address) == 10 * ETHER - cost
    (funds,) = world.rows(FUNDS)
    assert (funds.committed, funds.in_flight, funds.settled_block) == (0, 0, done["block_number"])
    assert world.published.types == [
        f"transaction.{kind}" for kind in ("accepted", "submitted", "mined", "confirmed")
    ]


def test_the_tick_alone_finishes_everything(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = [world.send(wallet, target, 5) for _ in range(3)]
    world.settle()
    assert [world.get(wallet, one["id"])["status"] for one in sent] == ["confirmed"] * 3
    assert world.balance(target) == 15


def test_a_hundred_transfers_keep_their_order(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = [world.send(wallet, target, number + 1)["id"] for number in range(100)]
    world.hints()
    world.settle(20)
    rows = [world.row(one) for one in sent]
    assert [row.nonce for row in rows] == list(range(100))
    assert {row.state for row in rows} == {"confirmed"}
    assert world.balance(target) == sum(range(1, 101))
    values = [int(one["value"], 16) for one in world.mined_of(wallet.address)]
    assert values == list(range(1, 101))
    (lane,) = world.rows(LANES)
    assert (lane.next_nonce, lane.chain_nonce) == (100, 100)
