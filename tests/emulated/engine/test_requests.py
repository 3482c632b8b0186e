"""What is refused at the border: a reason for each, no nonce burnt, nothing committed; and the reading calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account

from shared import resources
from shared.store.supplies import FUNDS
from shared.store.transactions import LANES, TRANSACTIONS
from tests.emulated.engine.world import ETHER, GWEI, World
from tests.support.inprocess import command

TARGET = "0x000000000000000000000000000000000000dEaD"
FAILS = "0x5f80fd"  # PUSH0 DUP1 REVERT as init code


def refused(world: World, wallet: Any, body: dict[str, Any]) -> Any:
    answer = world.app.call("POST", "/transactions", {"wallet_id": wallet.id} | body, user=wallet.user_id)
    assert answer.status >= 400, answer.text
    return answer


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"to": TARGET.replace("dEaD", "DeaD")}, "VALIDATION_FAILED", "to"),
        ({"to": "vitalik.eth"}, "VALIDATION_FAILED", "to"),
        ({"to": "0x12"}, "VALIDATION_FAILED", "to"),
        ({"to": TARGET, "value": 5}, "VALIDATION_FAILED", "value"),
        ({"to": TARGET, "value": "-1"}, "VALIDATION_FAILED", "value"),
        ({"to": TARGET, "value": "1.5"}, "VALIDATION_FAILED", "value"),
        ({"to": TARGET, "value": str(2**256)}, "VALIDATION_FAILED", "value"),
        ({"to": TARGET, "value": str(11 * ETHER)}, "INSUFFICIENT_BALANCE", None),
        ({"to": TARGET, "value": str(10 * ETHER - 1)}, "INSUFFICIENT_GAS", None),
        ({"to": TARGET, "chain": "ethereum"}, "VALIDATION_FAILED", "chain"),
        ({"to": TARGET, "gas": 20_999}, "GAS_TOO_LOW", None),
        ({"to": TARGET, "gas": 2**24 + 1}, "VALIDATION_FAILED", "gas"),
        ({"to": None}, "VALIDATION_FAILED", "to"),
        ({"to": None, "data": FAILS}, "SIMULATION_FAILED", None),
        ({"to": None, "data": "0x" + "00" * 49_153}, "DATA_TOO_LARGE", None),
        ({"to": TARGET, "data": "0x" + "00" * (127 * 1024 + 1)}, "DATA_TOO_LARGE", None),
        ({"to": TARGET, "data": "0x123"}, "VALIDATION_FAILED", "data"),
        ({"to": TARGET, "max_fee_per_gas": str(501 * GWEI), "max_priority_fee_per_gas": "1"}, "FEE_ABOVE_CAP", None),
        ({"to": TARGET, "max_fee_per_gas": "5", "max_priority_fee_per_gas": "6"}, "INVALID_FEE", None),
        ({"to": TARGET, "max_fee_per_gas": "5"}, "INVALID_FEE", None),
        ({"to": TARGET, "gas_price": "5"}, "INVALID_FEE", None),
        ({"to": TARGET, "token": {"address": TARGET, "amount": "1"}}, "VALIDATION_FAILED", "token.address"),
        ({"to": TARGET, "token": {"address": TARGET, "amount": "9" * 78}}, "VALIDATION_FAILED", "token.amount"),
        ({"to": TARGET, "value": "1", "token": {"address": TARGET, "amount": "1"}}, "VALIDATION_FAILED", None),
        ({"to": TARGET, "nonce": 7}, "VALIDATION_FAILED", "nonce"),
        ({"to": TARGET, "speed": "warp"}, "VALIDATION_FAILED", "speed"),
        ({"to": TARGET, "deadline": "2020-01-01T00:00:00Z"}, "VALIDATION_FAILED", "deadline"),
    ],
)  # fmt: skip
def test_a_bad_request_costs_nothing(
    world: World, body: dict[str, Any], code: str, field: str | None
) -> None:
    wallet = world.wallet()
    answer = refused(world, wallet, body)
    assert (answer.status, answer.code) == (422, code), answer.text
    if field is not None:
        assert answer.body["error"]["details"][0]["field"] == field
    assert not world.rows(TRANSACTIONS) and not world.rows(LANES) and not world.rows(FUNDS)
    assert not world.published.sent


def test_others_wallets_and_transactions_do_not_exist(world: World) -> None:
    wallet, other = world.wallet(), world.wallet()
    sent = world.send(wallet, TARGET)["id"]
    for method, path, body in [
        ("POST", "/transactions", {"wallet_id": wallet.id, "to": TARGET}),
        ("GET", f"/transactions/{sent}", None),
        ("GET", f"/transactions/{sent}/receipt", None),
        ("POST", f"/transactions/{sent}/cancel", None),
        ("POST", f"/transactions/{sent}/speed-up", None),
    ]:
        assert world.app.call(method, path, body, user=other.user_id).status == 404, path
    assert world.app.ok(200, "GET", "/transactions", user=other.user_id)["items"] == []
    assert world.app.call("GET", f"/transactions/{sent}", user="ops", roles=("operator",)).status == 200
    answer = world.app.call("POST", "/transactions", {"to": TARGET}, user=wallet.user_id, key=None)
    assert (answer.status, answer.code) == (400, "IDEMPOTENCY_KEY_REQUIRED")


def test_a_key_sends_once(world: World) -> None:
    wallet = world.wallet()
    body = {"wallet_id": wallet.id, "to": TARGET, "value": "5"}
    first = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    again = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    assert again.text == first.text and again.headers["Idempotent-Replayed"] == "true"
    other = world.app.call("POST", "/transactions", body | {"value": "6"}, user=wallet.user_id, key="k1")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    world.settle()
    late = world.app.call("POST", "/transactions", body, user=wallet.user_id, key="k1")
    assert late.text == first.text
    assert world.balance(wallet.address) > 9 * ETHER and world.count(wallet.address) == 1


def test_a_command_sends_too(world: World) -> None:
    wallet = world.wallet()
    event = command("transaction.send", wallet.user_id, {"to": TARGET, "value": "5"})
    assert world.app.push("send_transaction", event).status == 204
    assert world.app.push("send_transaction", event).status == 204
    (row,) = world.rows(TRANSACTIONS)
    assert (row.user_id, row.value) == (wallet.user_id, 5)
    bad = command("transaction.send", wallet.user_id, {"to": "nobody"})
    assert world.app.push("send_transaction", bad).status == 204
    assert world.published.types[-1] == "command.refused"


def test_lists_are_filtered_and_paged(world: World) -> None:
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number)["id"] for number in range(5)]
    world.settle()
    queued = world.send(wallet, TARGET)["id"]
    page = world.app.ok(200, "GET", "/transactions?limit=4", user=wallet.user_id)
    rest = world.app.ok(
        200, "GET", f"/transactions?limit=4&cursor={page['next_cursor']}", user=wallet.user_id
    )
    assert [one["id"] for one in page["items"] + rest["items"]] == [queued, *reversed(sent)]
    assert rest["next_cursor"] is None
    for query, wanted in [
        ("status=queued", [queued]),
        ("status=confirmed&chain=local", list(reversed(sent))),
        (f"wallet_id={wallet.id}&status=reverted", []),
        ("chain=ethereum", []),
    ]:
        found = world.app.ok(200, "GET", f"/transactions?{query}", user=wallet.user_id)
        assert [one["id"] for one in found["items"]] == wanted, query


def test_what_can_be_asked_before_sending(world: World) -> None:
    wallet = world.wallet()
    call = {"to": TARGET, "value": "5"}
    assert world.app.ok(200, "POST", "/transactions/estimate-gas", call, user=wallet.user_id) == {
        "gas": 21_000
    }
    tried = world.app.ok(200, "POST", "/transactions/simulate", call, user=wallet.user_id)
    assert tried["success"] and tried["revert_reason"] is None
    failing = world.app.ok(
        200, "POST", "/transactions/simulate", {"to": None, "data": FAILS}, user=wallet.user_id
    )
    assert not failing["success"] and failing["revert_reason"]
    price = world.app.ok(200, "GET", "/transactions/gas-price?chain=local", user=wallet.user_id)
    assert int(price["fast"]["max_fee_per_gas"]) >= int(price["slow"]["max_fee_per_gas"]) > 0
    unknown = world.app.call("GET", "/transactions/gas-price?chain=nowhere", user=wallet.user_id)
    assert (unknown.status, unknown.code) == (422, "UNKNOWN_CHAIN")


def test_found_by_hash_and_with_its_receipt(world: World) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    assert world.app.call("GET", f"/transactions/{sent}/receipt", user=wallet.user_id).status == 404
    world.settle()
    done = world.get(wallet, sent)
    found = world.app.ok(200, "GET", f"/transactions/by-hash/local/{done['hash']}", user=wallet.user_id)
    assert found["id"] == sent
    receipt = world.app.ok(200, "GET", f"/transactions/{sent}/receipt", user=wallet.user_id)
    assert receipt["success"] and receipt["block_hash"] == done["block_hash"] and receipt["logs"] == []
    unknown = world.app.call("GET", f"/transactions/by-hash/local/0x{'ab' * 32}", user=wallet.user_id)
    assert unknown.status == 404


def test_a_deadline_ends_what_is_still_queued(world: World) -> None:
    wallet = world.wallet()
    soon = (resources.clock().now() + timedelta(minutes=1)).isoformat()
    sent = world.send(wallet, Account.create().address, deadline=soon)["id"]
    world.later(61)
    world.tick()
    row = world.row(sent)
    assert (row.state, row.nonce, row.error, row.finalized) == ("expired", None, "DEADLINE_PASSED", True)
    assert not world.rows(LANES)
    (funds,) = world.rows(FUNDS)
    assert (funds.committed, funds.in_flight) == (0, 0)
