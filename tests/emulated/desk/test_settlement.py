"""Paying a claim: payments on a real node, and what comes of them."""

from __future__ import annotations

from tests.emulated.desk.world import ETHER, Desk, figures


def test_an_order_is_paid_on_chain_and_completed(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    desk.imported(shopper, ether=3)
    supply = desk.supply(shopper, "2")
    order = desk.order(shopper, "0.25", 3)
    claim = desk.claimed(claimer, order["id"])
    recipient = desk.address(claim["wallet_id"])

    started = desk.process(shopper, claim["id"])
    assert started["status"] == "processing"
    assert started["lease_until"] is None
    assert started["settlement"]["status"] == "pending"
    (payment,) = started["settlement"]["payments"]
    assert (payment["amount"], payment["round"], payment["status"]) == ("0.75", 1, "pending")
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "processing"

    done = desk.drive(claim["id"], shopper)
    assert (done["status"], done["settlement"]["status"]) == ("processed", "paid")
    assert done["processed_at"] is not None
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "completed"
    assert figures(desk.get(f"/supplies/{supply['id']}", shopper)) == ("2", "1.25", "0", "0.75")
    assert desk.balance(recipient) == 3 * ETHER // 4
    assert {"claim.processing", "claim.processed", "order.completed"} <= set(desk.events(claimer))
    assert desk.feed(shopper, "claim.processed")["data"] == done


def test_an_order_over_three_wallets_is_paid_by_each(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    supplies = []
    for _ in range(3):
        wallet = desk.imported(shopper, ether=2)
        supplies.append(desk.supply(shopper, "1", wallet_id=wallet)["id"])
    order = desk.order(shopper, "2.5")
    claim = desk.claimed(claimer, order["id"])
    desk.process(shopper, claim["id"])
    done = desk.drive(claim["id"], shopper)
    assert sorted(p["amount"] for p in done["settlement"]["payments"]) == ["0.5", "1", "1"]
    assert desk.balance(desk.address(claim["wallet_id"])) == 5 * ETHER // 2
    seen = [desk.get(f"/supplies/{supply}", shopper) for supply in supplies]
    assert sorted(figures(one) for one in seen) == sorted(
        [("1", "0", "0", "1"), ("1", "0", "0", "1"), ("1", "0.5", "0", "0.5")]
    )
    assert sorted(one["status"] for one in seen) == ["active", "closed", "closed"]


def test_several_payments_of_one_wallet_and_one_commit_book_on_the_same_funds(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    wallet = desk.imported(shopper, ether=5)
    for _ in range(3):
        desk.supply(shopper, "1", wallet_id=wallet)
    order = desk.order(shopper, "3")
    claim = desk.claimed(claimer, order["id"])
    desk.process(shopper, claim["id"])
    done = desk.drive(claim["id"], shopper)
    assert done["settlement"]["status"] == "paid"
    assert len(done["settlement"]["payments"]) == 3
    assert desk.balance(desk.address(claim["wallet_id"])) == 3 * ETHER
