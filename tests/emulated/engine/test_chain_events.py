"""Reorganisations, foreign senders, gaps: the chain decides, even if it changes."""

from __future__ import annotations

from eth_account import Account
from eth_utils.address import to_checksum_address

from shared import resources
from shared.domain.transactions import lanes
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES, TRANSACTIONS
from tests.emulated.engine.world import ETHER, GWEI, World

TARGET = to_checksum_address("0x" + "c0ffee" * 6 + "c0ff")


def foreign_send(world: World, key: bytes, nonce: int, value: int = 1) -> str:
    """Send with the wallet's key without the product, like another holder of the key."""
    signed = Account.from_key(key).sign_transaction(
        {
            "chainId": 31337, "nonce": nonce, "to": TARGET, "value": value, "gas": 21_000,
            "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": 5 * GWEI,
        }
    )  # fmt: skip
    return str(world.control("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))


def reorg(world: World, depth: int) -> None:
    """Replace the newest blocks by empty ones, and drop their transactions."""
    world.control("anvil_reorg", depth, [])
    world.control("anvil_dropAllTransactions")


def test_a_reorganised_block_sends_the_same_bytes_again(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    world.mine()
    world.tick()
    assert world.row(sent).state == "mined"
    first = world.row(sent)
    reorg(world, 1)
    world.tick()
    world.mine()
    world.tick()
    row = world.row(sent)
    assert row.state in ("submitted", "mined") and row.attempt_count == 1
    world.settle(30)
    done = world.row(sent)
    assert (done.state, done.hash, done.nonce) == ("confirmed", first.hash, 0)
    assert "transaction.reorged" in world.published.types
    assert world.count(wallet.address) == 1


def test_a_confirmed_transaction_can_be_taken_back_until_it_is_final(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, ETHER)["id"]
    world.hints()
    world.mine()
    world.tick()
    world.mine()
    world.tick()
    assert world.row(sent).state == "confirmed" and not world.row(sent).finalized
    (funds,) = world.rows(FUNDS)
    assert funds.in_flight == 0
    reorg(world, 2)
    world.tick()
    world.mine()
    world.tick()
    back = world.row(sent)
    assert back.state == "submitted"
    (funds,) = world.rows(FUNDS)
    assert funds.in_flight == back.committed_value + back.committed_gas
    world.settle(30)
    done = world.row(sent)
    assert done.state == "confirmed" and done.attempt_count == 1
    kinds = [one.removeprefix("transaction.") for one in world.published.types]
    assert kinds.count("confirmed") == 2 and kinds.count("reorged") == 1
    (funds,) = world.rows(FUNDS)
    assert (funds.in_flight, funds.committed) == (0, 0)


def test_a_new_lane_starts_after_what_others_sent(world: World) -> None:
    key = Account.create().key
    wallet = world.wallet(key=key)
    foreign_send(world, key, 0)
    world.mine()
    foreign_send(world, key, 1)
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    assert world.row(sent).nonce == 2
    world.mine()
    world.tick()
    assert world.row(sent).state == "mined"
    world.control("anvil_dropAllTransactions")
    for _ in range(6):
        world.mine()
        world.tick()
    assert world.row(sent).state == "confirmed"
    # a foreign sender's rows are not the product's: skip their check
    world.wallets.clear()
    _forget_foreign(world)


def _forget_foreign(world: World) -> None:
    """Skip a foreign sender's transactions in the invariants, which cover every sender; the test itself checks them."""
    lane = world.rows(LANES)[0]
    resources.database().write([LANES.write("update", lanes.replace(lane, address=Account.create().address))])


def test_a_foreign_transaction_on_our_nonce_is_proven_then_given_up(world: World) -> None:
    key = Account.create().key
    wallet = world.wallet(key=key)
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    world.control("anvil_dropAllTransactions")
    foreign = foreign_send(world, key, 0)
    world.mine()
    for _ in range(3):
        world.tick()
        assert world.row(sent).blocked_reason is None, "not before it is final"
        world.mine()
    for _ in range(5):
        world.tick()
        world.mine()
    row = world.row(sent)
    assert (row.state, row.blocked_reason, row.nonce) == ("submitted", "FOREIGN_NONCE", 0)
    (lane,) = world.rows(LANES)
    assert lane.paused_reason == "FOREIGN_NONCE"
    assert "transaction.stuck" in world.published.types
    answer = world.app.call("POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    if answer.status == 503:  # with one endpoint, proof takes two looks
        world.mine()
        answer = world.app.call("POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    assert (answer.body["status"], answer.body["error"]["code"]) == ("rejected", "FOREIGN_NONCE"), answer.text
    assert foreign in answer.body["error"]["message"]
    again = world.send(wallet, TARGET, 5)["id"]
    world.settle(20)
    assert world.row(again).nonce == 1 and world.row(again).state == "confirmed"
    _forget_foreign(world)


def test_a_foreign_nonce_that_is_reorganised_away_leaves_no_gap(world: World) -> None:
    """Seen on anvil: foreign nonce 0 is mined, the product takes 1, the block disappears, and 1 can never be mined."""
    key = Account.create().key
    wallet = world.wallet(key=key)
    foreign_send(world, key, 0)
    world.mine()
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    assert world.row(sent).nonce == 1
    reorg(world, 1)
    assert world.count(wallet.address) == 0
    world.tick()
    world.mine()
    world.tick()  # the same at two heads, because there is one endpoint
    fills = [row for row in world.rows(TRANSACTIONS) if row.kind == "noop"]
    assert [row.nonce for row in fills] == [0]
    world.settle(30)
    assert {row.state for row in world.rows(TRANSACTIONS)} == {"confirmed"}
    assert world.count(wallet.address) == 2
