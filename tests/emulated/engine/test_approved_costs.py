"""What a speed-up may add to the cost of a transaction: no more than a second person approved, or had to approve."""

from __future__ import annotations

from typing import Any

from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import Wallet
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.engine.test_approval import (  # noqa: F401 - fixtures
    ABOVE,
    friend,
    hint,
    owner,
    path,
    people,
    send,
    wallet,
)
from tests.emulated.engine.test_replacing import OPERATOR
from tests.emulated.engine.world import ETHER, GWEI, World
from tests.support.people import Person

CHEAP = {"max_fee_per_gas": str(2 * GWEI), "max_priority_fee_per_gas": str(GWEI)}


def fees_overtake(world: World, sent: Any) -> Transaction:
    """Let the base fee rise until the last bump that the committed gas allows has been made."""
    for _ in range(60):
        world.control("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
        world.mine()
        world.tick()
        row = world.row(sent["id"])
        if row.blocked_reason == "FEE_BLOCKED":
            return row
    raise AssertionError("it is not blocked")


def fees_fall(world: World) -> None:
    for _ in range(40):
        world.control("anvil_setNextBlockBaseFeePerGas", hex(GWEI // 2))
        world.mine()
        world.tick()
        if all(row.finalized for row in world.rows(TRANSACTIONS)):
            return


def test_a_speed_up_costs_no_more_than_was_approved(
    world: World,
    owner: Person,  # noqa: F811
    friend: Person,  # noqa: F811
    wallet: Wallet,  # noqa: F811
) -> None:
    sent = send(owner, wallet, **CHEAP)
    (asked,) = friend.ok(200, "GET", "/approvals")["items"]
    friend.ok(200, "POST", path(sent))
    hint(world)
    before, route = fees_overtake(world, sent), f"/transactions/{sent['id']}"
    denied = owner.refused("POLICY_DENIED", "POST", f"{route}/speed-up").body["error"]["data"]
    assert (denied["rule"], denied["approved"]) == ("approval_above", asked["max_fee"])
    assert int(denied["needed"]) > int(denied["approved"])
    operator = world.app.call("POST", f"{route}/speed-up", **OPERATOR)
    assert (operator.status, operator.code) == (422, "POLICY_DENIED"), (
        "an operator is no second person either"
    )
    assert world.row(sent["id"]) == before, "a refusal writes nothing"
    owner.ok(200, "POST", f"{route}/cancel")
    fees_fall(world)
    assert world.row(sent["id"]).state == "cancelled", "a no-op moves nothing, so nobody has to approve it"


def test_a_speed_up_does_not_cross_the_threshold(
    world: World,
    owner: Person,  # noqa: F811
    wallet: Wallet,  # noqa: F811
) -> None:
    """Otherwise the signer would deny the next attempt, and the transaction would end."""
    sent = send(owner, wallet, int(ABOVE) - ETHER // 10_000, **CHEAP)
    assert sent["blocked_reason"] is None
    world.hints()
    before = fees_overtake(world, sent)
    denied = owner.refused("POLICY_DENIED", "POST", f"/transactions/{sent['id']}/speed-up")
    assert denied.body["error"]["data"]["rule"] == "approval_above"
    assert world.row(sent["id"]) == before
    fees_fall(world)
    assert world.row(sent["id"]).state == "confirmed", "as it was sent"
