"""Pay a claim: payments on a real node, and their results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import resources
from shared.ops import appoint_admin
from shared.store.session import Session
from shared.store.tables.system import AUDIT
from tests.emulated.desk.world import ETHER, Desk, figures
from tests.support.people import People


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


REVERTS = "0x60006000fd"  # code that refuses all input


def half_paid(desk: Desk) -> tuple[str, str, Any, Any]:
    """An order over two wallets: the first has paid, the second's payment was reverted."""
    shopper, claimer = desk.person("shopper"), desk.claimer()
    for _ in range(2):
        desk.supply(shopper, "1", wallet_id=desk.imported(shopper, ether=2))
    order = desk.order(shopper, "1.5")
    claim = desk.claimed(claimer, order["id"])
    recipient = desk.address(claim["wallet_id"])
    started = desk.process(shopper, claim["id"])
    first, second = sorted(started["settlement"]["payments"], key=lambda p: p["amount"], reverse=True)
    desk.react("dispatch_lane", "transaction.accepted", first["transaction_id"])
    desk.rpc("anvil_mine", "0x1")
    assert desk.balance(recipient) == ETHER
    desk.rpc("anvil_setCode", recipient, REVERTS)
    desk.react("dispatch_lane", "transaction.accepted", second["transaction_id"])
    desk.rpc("anvil_mine", "0x1")
    failed = desk.drive(claim["id"], shopper)
    desk.rpc("anvil_setCode", recipient, "0x")
    return shopper, recipient, order, failed


def supply_balances(desk: Desk, shopper: str, order: Any) -> list[tuple[str, ...]]:
    ids = [part["supply_id"] for part in order["allocations"]]
    return sorted(figures(desk.get(f"/supplies/{one}", shopper)) for one in ids)


def test_what_was_paid_stays_settled_when_another_payment_fails(desk: Desk) -> None:
    shopper, recipient, order, failed = half_paid(desk)
    assert (failed["status"], failed["settlement"]["status"]) == ("failed", "partial")
    parts = {p["status"]: p for p in failed["settlement"]["payments"]}
    assert (parts["paid"]["amount"], parts["failed"]["reason"]) == ("1", "EXECUTION_REVERTED")
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "failed"
    assert supply_balances(desk, shopper, order) == [("1", "0", "0", "1"), ("1", "0.5", "0.5", "0")]
    assert desk.balance(recipient) == ETHER
    answer = desk.app.call("POST", f"/claims/{failed['id']}/process", user=shopper)
    assert (answer.status, answer.code) == (409, "INVALID_STATE")


def test_an_operator_retries_only_what_is_unpaid(desk: Desk) -> None:
    shopper, recipient, order, failed = half_paid(desk)
    path = f"/claims/{failed['id']}/retry-settlement"
    assert desk.app.call("POST", path, user=shopper).status == 403
    again = desk.app.ok(200, "POST", path, {"reason": "wallet fixed"}, user="ops", roles=("operator",))
    assert (again["status"], len(again["settlement"]["payments"])) == ("processing", 3)
    twice = desk.app.call("POST", path, user="ops", roles=("operator",))
    assert (twice.status, twice.code) == (409, "INVALID_STATE")
    done = desk.drive(failed["id"], shopper)
    assert (done["status"], done["settlement"]["status"]) == ("processed", "paid")
    assert [p["round"] for p in done["settlement"]["payments"]] == [1, 1, 2]
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "completed"
    assert supply_balances(desk, shopper, order) == [("1", "0", "0", "1"), ("1", "0.5", "0", "0.5")]
    assert desk.balance(recipient) == 3 * ETHER // 2


def test_an_operator_abandons_what_is_unpaid(desk: Desk) -> None:
    shopper, recipient, order, failed = half_paid(desk)
    path, body = f"/claims/{failed['id']}/abandon-settlement", {"reason": "recipient unreachable"}
    assert desk.app.call("POST", path, body, user=shopper).status == 403
    done = desk.app.ok(200, "POST", path, body, user="ops", roles=("operator",))
    assert (done["status"], done["reason"]) == ("failed", "recipient unreachable")
    assert sorted(p["status"] for p in done["settlement"]["payments"]) == ["failed", "paid"]
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "failed"
    assert supply_balances(desk, shopper, order) == [("1", "0", "0", "1"), ("1", "1", "0", "0")]
    for late in (path, f"/claims/{failed['id']}/retry-settlement"):
        answer = desk.app.call("POST", late, body, user="ops", roles=("operator",))
        assert (answer.status, answer.code) == (409, "INVALID_STATE")
    assert desk.balance(recipient) == ETHER


def test_a_wallet_that_cannot_pay_starts_nothing(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    wallet = desk.imported(shopper, ether=2)
    desk.supply(shopper, "1", wallet_id=wallet)
    order = desk.order(shopper, "1")
    claim = desk.claimed(claimer, order["id"])
    desk.fund(desk.address(wallet), 0.5)
    answer = desk.app.call("POST", f"/claims/{claim['id']}/process", user=shopper)
    assert (answer.status, answer.code) == (409, "SETTLEMENT_UNFUNDED")
    assert desk.get(f"/claims/{claim['id']}", shopper)["status"] == "claimed"
    desk.fund(desk.address(wallet), 2)
    desk.process(shopper, claim["id"])
    assert desk.drive(claim["id"], shopper)["status"] == "processed"


def test_a_wallets_policy_can_refuse_a_payment(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    wallets = [desk.imported(shopper, ether=2) for _ in range(2)]
    for wallet in wallets:
        desk.supply(shopper, "1", wallet_id=wallet)
    policy = {"limits": [{"asset": "native", "max_per_transaction": str(ETHER // 2)}]}
    desk.app.ok(200, "PUT", f"/wallets/{wallets[1]}/policy", policy, user=shopper)
    order = desk.order(shopper, "2")
    claim = desk.claimed(claimer, order["id"])
    answer = desk.app.call("POST", f"/claims/{claim['id']}/process", user=shopper)
    assert (answer.status, answer.code) == (422, "POLICY_DENIED")
    assert answer.body["error"]["data"]["wallet_id"] == wallets[1]
    assert desk.get(f"/claims/{claim['id']}", shopper)["status"] == "claimed"
    audited = Session(resources.database().snapshot()).many(AUDIT.scan())
    assert [row.resource for row in audited if row.events[:1] == ["policy.denied:max_per_transaction"]] == [
        wallets[1]
    ]
    with resources.override(settings=replace(resources.settings(), policy_delay_seconds=0)):
        desk.app.ok(200, "PUT", f"/wallets/{wallets[1]}/policy", {"limits": []}, user=shopper)
    desk.process(shopper, claim["id"])
    assert desk.drive(claim["id"], shopper)["status"] == "processed"


def test_above_the_threshold_an_administrator_processes_the_claim(desk: Desk) -> None:
    people = People(desk.app)
    shopper, admin, claimer = people.register(), people.register(), desk.claimer()
    appoint_admin.appoint(admin.email)
    people.sign_in(admin)
    wallet = desk.imported(shopper.id, ether=2)
    rules = {"approval_above": str(ETHER // 2), "approvers": [admin.id]}
    shopper.ok(200, "PUT", f"/wallets/{wallet}/policy", rules)
    desk.supply(shopper.id, "1")
    claim = desk.claimed(claimer, desk.order(shopper.id, "0.75")["id"])
    path = f"/claims/{claim['id']}/process"
    assert shopper.refused("POLICY_DENIED", "POST", path).body["error"]["data"] == {
        "rule": "approval_above",
        "wallet_id": wallet,
    }
    service = desk.app.call("POST", path, user="usr_robot", roles=("service",))
    assert (service.status, service.code) == (422, "POLICY_DENIED"), "no row says that it administrates"
    admin.refused("FORBIDDEN", "POST", path)
    now = resources.clock().now()
    acting = resources.tokens().issue(
        admin.id,
        ("admin", "operator", "user"),
        "service",
        session_id="ses_acting",  # like from POST /admin/act
        authenticated_at=now,
        factors=("pwd", "otp"),
        now=now,
        acting_for=shopper.id,
    )
    admin.token = acting.token
    answer = admin.ok(202, "POST", path)
    (payment,) = answer["settlement"]["payments"]
    paid_by = shopper.ok(200, "GET", f"/transactions/{payment['transaction_id']}")
    assert (paid_by["approved_by"], paid_by["blocked_reason"]) == (admin.id, None)
    assert desk.drive(claim["id"], shopper.id)["status"] == "processed"
    two = {**rules, "approvers": [admin.id, people.register().id], "approvals_required": 2}
    shopper.ok(200, "PUT", f"/wallets/{wallet}/policy", two)
    desk.supply(shopper.id, "0.6")
    another = desk.claimed(desk.claimer(), desk.order(shopper.id, "0.6")["id"])
    alone = admin.refused("POLICY_DENIED", "POST", f"/claims/{another['id']}/process")
    assert alone.body["error"]["data"]["rule"] == "approval_above", "one person is not two"
