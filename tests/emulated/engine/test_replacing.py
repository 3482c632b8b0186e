"""Cancel and speed-up on the same nonce, bumps of the head, caps, and lanes without sufficient funds."""

from __future__ import annotations

from typing import Any

from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES
from tests.emulated.engine.world import ETHER, GWEI, World

TARGET = "0x" + "b0b0" * 10
OPERATOR: dict[str, Any] = {"user": "usr_operator", "roles": ("operator",)}


def replacing(world: World) -> None:
    """Deliver the newest `transaction.replacing` hint."""
    event = [one for _, one in world.published.sent if one["type"] == "transaction.replacing"][-1]
    assert world.app.push("dispatch_lane", event).status == 204


def test_a_queued_transaction_is_cancelled_at_once(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    answer = world.app.ok(200, "POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    assert (answer["status"], answer["finalized"], answer["nonce"]) == ("cancelled", True, None)
    (funds,) = world.rows(FUNDS)
    assert funds.committed == 0
    again = world.app.call("POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    assert (again.status, again.code) == (409, "INVALID_STATE")
    world.settle()
    assert world.published.types == ["transaction.accepted", "transaction.cancelled"]


def test_a_sent_transaction_is_cancelled_by_a_noop(world: World) -> None:
    wallet = world.wallet()
    sent, other = world.send(wallet, TARGET, ETHER)["id"], world.send(wallet, TARGET, 3)["id"]
    world.hints()
    answer = world.app.ok(200, "POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    assert answer["status"] == "submitted" and answer["cancel_requested"]
    replacing(world)
    attempts = world.get(wallet, sent)["attempts"]
    assert [one["kind"] for one in attempts] == ["payload", "noop"]
    world.settle()
    assert world.get(wallet, sent)["status"] == "cancelled"
    assert world.get(wallet, other)["status"] == "confirmed"
    assert world.balance(TARGET) == 3
    assert {"transaction.replaced", "transaction.cancelled"} <= set(world.published.types)
    by_first = world.app.ok(
        200, "GET", f"/transactions/by-hash/local/{attempts[0]['hash']}", user=wallet.user_id
    )
    assert by_first["id"] == sent


def test_without_a_hint_the_tick_cancels(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, ETHER)["id"]
    world.hints()
    before = world.balance(TARGET)
    world.app.ok(200, "POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    world.tick()
    world.settle()
    assert world.get(wallet, sent)["status"] == "cancelled" and world.balance(TARGET) == before


def test_what_was_mined_meanwhile_decides(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 7)["id"]
    world.hints()
    world.app.ok(200, "POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    world.mine()
    world.settle()
    done = world.get(wallet, sent)
    assert done["status"] == "confirmed" and done["cancel_requested"] and done["error"] is None


def test_speed_up_offers_more_once(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5, speed="slow")["id"]
    world.hints()
    for _ in range(2):
        world.app.ok(200, "POST", f"/transactions/{sent}/speed-up", user=wallet.user_id)
    replacing(world)
    replacing(world)
    world.tick()
    first, second = world.attempts(sent)
    assert (first.kind, second.kind) == ("payload", "payload")
    assert second.fees.per_gas > first.fees.per_gas * 9 // 8
    world.settle()
    done = world.get(wallet, sent)
    assert (done["status"], done["hash"]) == ("confirmed", second.hash)
    over = world.app.call("POST", f"/transactions/{sent}/speed-up", user=wallet.user_id)
    assert (over.status, over.code) == (409, "INVALID_STATE")


def test_an_operator_may_speed_up_and_others_may_not(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    assert world.app.call("POST", f"/transactions/{sent}/speed-up", user="usr_x").status == 404
    world.app.ok(200, "POST", f"/transactions/{sent}/speed-up", **OPERATOR)
    world.tick()
    assert len(world.attempts(sent)) == 2
    world.settle()


def test_what_a_risen_base_fee_shuts_out_gets_more_at_once(world: World) -> None:
    wallet = world.wallet()
    fees = {"max_fee_per_gas": str(4 * GWEI), "max_priority_fee_per_gas": str(GWEI)}
    sent = [world.send(wallet, TARGET, number, **fees)["id"] for number in (1, 2)]
    world.hints()
    assert {world.row(one).state for one in sent} == {"submitted"}
    for _ in range(40):
        if all(world.row(one).finalized for one in sent):
            break
        world.control("anvil_setNextBlockBaseFeePerGas", hex(6 * GWEI))
        world.mine()
        world.tick()
    assert [world.row(one).state for one in sent] == ["confirmed"] * 2
    assert [world.row(one).attempt_count for one in sent] == [2, 2]
    assert "transaction.replaced" in world.published.types


def test_fees_rise_to_their_caps_then_it_says_that_it_is_stuck(world: World) -> None:
    wallet = world.wallet()
    fees = {"max_fee_per_gas": str(2 * GWEI), "max_priority_fee_per_gas": str(GWEI)}
    head, follower = (world.send(wallet, TARGET, number, **fees)["id"] for number in (1, 2))
    world.control("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    world.mine()
    for _ in range(60):
        if world.row(head).blocked_reason is not None:
            break
        world.control("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
        world.mine()
        world.tick()
    shown = world.get(wallet, head)
    assert (shown["status"], shown["blocked_reason"]) == ("submitted", "FEE_BLOCKED")
    assert "transaction.stuck" in world.published.types
    attempts = world.attempts(head)
    row = world.row(head)
    assert attempts[-1].fees.per_gas * row.gas <= row.committed_gas
    assert shown["waiting_for"]["reason"] == "fees"
    world.app.ok(200, "POST", f"/transactions/{head}/speed-up", user=wallet.user_id)
    assert world.row(head).committed_gas > row.committed_gas, "its owner has more booked for it"
    world.control("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    for _ in range(40):
        if all(world.row(one).finalized for one in (head, follower)):
            break
        world.control("anvil_setNextBlockBaseFeePerGas", hex(GWEI // 2))
        world.mine()
        world.tick()
    assert world.get(wallet, head)["status"] == "confirmed"
    assert world.get(wallet, head)["blocked_reason"] is None


def test_a_lane_without_funds_waits_keeps_its_nonce_and_goes_on(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, ETHER)["id"]
    world.control("anvil_setBalance", wallet.address, "0x0")
    world.hints()  # its balance at the confirmed depth is the old one
    row = world.row(sent)
    assert (row.nonce, row.blocked_reason) == (0, "FUNDS_BLOCKED")
    (lane,) = world.rows(LANES)
    assert lane.paused_reason == "FUNDS_BLOCKED"
    assert "transaction.stuck" in world.published.types
    assert world.get(wallet, sent)["status"] == "submitted"
    world.mine(2)
    world.tick()
    world.control("anvil_setBalance", wallet.address, hex(5 * ETHER))
    world.tick()
    assert world.row(sent).blocked_reason is None
    (lane,) = world.rows(LANES)
    assert lane.paused_reason is None
    world.settle()
    assert world.get(wallet, sent)["status"] == "confirmed"
    assert world.get(wallet, sent)["blocked_reason"] is None
    assert world.attempts(sent)[0].k == len(world.attempts(sent)) == 1


def test_a_shortage_holds_no_nonce(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, ETHER)["id"]
    world.control("anvil_setBalance", wallet.address, "0x0")
    world.mine(2)
    world.hints()
    world.tick()
    row = world.row(sent)
    assert (row.state, row.nonce, row.blocked_reason) == ("accepted", None, "FUNDS_BLOCKED")
    assert world.published.types.count("transaction.stuck") == 1
    assert world.get(wallet, sent)["status"] == "queued"
    world.control("anvil_setBalance", wallet.address, hex(5 * ETHER))
    world.mine(2)
    world.settle()
    assert world.get(wallet, sent)["status"] == "confirmed"
    assert world.get(wallet, sent)["blocked_reason"] is None
