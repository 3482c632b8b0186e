"""Everything that must be refused: each with its reason, on every path, and at no cost to anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from shared.chain import tokens
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES, TRANSACTIONS
from tests.emulated.engine import contracts
from tests.emulated.engine.contracts import FALSE, LOGGED, NOTHING, REVERT, short, word
from tests.emulated.engine.world import ETHER, GWEI, World
from tests.support.inprocess import command

TARGET = "0x000000000000000000000000000000000000dEaD"
WRONG_CASE = TARGET.replace("dEaD", "DeaD")
FAILS = "0x5f80fd"  # PUSH0 DUP1 REVERT as init code
CREATES = "0x60015f5360015ff3"  # a contract of one byte
GAS, VALUE = "INSUFFICIENT_GAS", "INSUFFICIENT_BALANCE"
INVALID = "VALIDATION_FAILED"


@dataclass(frozen=True)
class Line:
    """A body in addition to wallet and recipient, and its refusal; `field` names the wrong field, `reason` must be in
    the answer."""

    body: dict[str, Any]
    code: str
    reason: str
    field: str | None = None
    estimated: bool = True  # estimating refuses it too
    simulated: bool = True  # simulating refuses it too; otherwise the answer predicts the failure


def fees(most: int, tip: int) -> dict[str, str]:
    return {"max_fee_per_gas": str(most), "max_priority_fee_per_gas": str(tip)}


def invalid(body: dict[str, Any], field: str | None, reason: str) -> Line:
    return Line(body, INVALID, reason, field)


def only_sent(body: dict[str, Any], code: str, reason: str, field: str | None = None) -> Line:
    return Line(body, code, reason, field, estimated=False, simulated=False)


LISTED = [{"address": TARGET, "storage_keys": ["0x" + f"{n:064x}" for n in range(20)]}]
LINES = {
    "wrong EIP-55 checksum": invalid({"to": WRONG_CASE}, "to", "the checksum (EIP-55)"),
    "wrong EIP-55 checksum of a token": invalid(
        {"token": {"address": WRONG_CASE, "amount": "1"}}, "token.address", "the checksum (EIP-55)"
    ),
    "ENS name": invalid({"to": "vitalik.eth"}, "to", "must be an address"),
    "ENS name of a token": invalid(
        {"token": {"address": "dai.eth", "amount": "1"}}, "token.address", "must be an address"
    ),
    "not an address": invalid({"to": "0x12"}, "to", "must be an address"),
    "number as value": invalid({"value": 5}, "value", "string"),
    "negative value": invalid({"value": "-1"}, "value", "whole number of base units"),
    "value in ether": invalid({"value": "1.5"}, "value", "whole number of base units"),
    "value above uint256": invalid({"value": str(2**256)}, "value", "256-bit"),
    "value beyond balance": Line({"value": str(11 * ETHER)}, VALUE, "balance"),
    "value leaves nothing for gas": only_sent({"value": str(10 * ETHER - 10**6)}, GAS, "gas"),
    "another chain than the wallet's": invalid({"chain": "ethereum"}, "chain", "the wallet is on local"),
    "unknown chain": invalid({"chain": "nowhere"}, "chain", "the wallet is on local"),
    "another chain, no wallet named": Line(
        {"wallet_id": None, "chain": "ethereum"}, "WALLET_REQUIRED", "no wallet on this chain"
    ),
    "gas below intrinsic": Line({"gas": 20_999}, "GAS_TOO_LOW", "below"),
    "gas below intrinsic of data": Line({"gas": 21_000, "data": "0x01"}, "GAS_TOO_LOW", "below"),
    "gas above EIP-7825": invalid({"gas": 2**24 + 1}, "gas", "at most"),
    "creation without data": invalid({"to": None}, "to", "may only be absent"),
    "creation that fails": Line({"to": None, "data": FAILS}, "SIMULATION_FAILED", "fail", simulated=False),
    "code above EIP-3860": Line({"to": None, "data": "0x" + "00" * 49_153}, "DATA_TOO_LARGE", "larger"),
    "data above what nodes take": Line({"data": "0x" + "00" * (127 * 1024 + 1)}, "DATA_TOO_LARGE", "larger"),
    "data and access list above it together": Line(
        {"data": "0x" + "00" * 129_900, "access_list": LISTED}, "DATA_TOO_LARGE", "larger"
    ),
    "half a byte": invalid({"data": "0x123"}, "data", "even number of hex digits"),
    "fee above cap": only_sent(fees(501 * GWEI, 1), "FEE_ABOVE_CAP", "above"),
    "tip above cap": only_sent(fees(400 * GWEI, 101 * GWEI), "FEE_ABOVE_CAP", "above"),
    "tip above fee": only_sent(fees(5, 6), "INVALID_FEE", "above max_fee_per_gas"),
    "one fee of a pair": only_sent({"max_fee_per_gas": "5"}, "INVALID_FEE", "together"),
    "fee of a legacy chain": only_sent({"gas_price": "5"}, "INVALID_FEE", "eip1559"),
    "token with value": invalid({"value": "1", "token": {"address": TARGET, "amount": "1"}}, None, "without"),
    "more of a token than a uint256": invalid(
        {"token": {"address": TARGET, "amount": "9" * 78}}, "token.amount", "256-bit"
    ),
    "no token there": Line(
        {"token": {"address": TARGET, "amount": "1"}},
        INVALID,
        "not a token",
        "token.address",
        simulated=False,
    ),
    "nonce of one's own": invalid({"nonce": 7}, "nonce", "not known"),
    "unknown speed": only_sent({"speed": "warp"}, INVALID, "slow, average or fast", "speed"),
    "deadline in the past": only_sent({"deadline": "2020-01-01T00:00:00Z"}, INVALID, "past", "deadline"),
}
# The end of a token's transfer, with the reason of the refusal.
TRANSFERS = {
    "nothing": (NOTHING, "logs no transfer"),
    "nothing, with another's log": (LOGGED.replace("33", "30", 1) + NOTHING, "logs no transfer"),
    "false": (FALSE, "does not transfer"),
    "false, though it logs one": (LOGGED + FALSE, "does not transfer"),
    "two": (word(2), "does not transfer"),
    "half a word": (short(16), "does not transfer"),
    "a revert": (REVERT, "revert"),
}


@pytest.fixture
def used(world: World) -> World:
    """A wallet that has sent before, so that its funds and lane have rows to compare."""
    wallet = world.wallet(11 * ETHER)
    world.send(wallet, TARGET, 1)
    world.settle()
    world.control("anvil_setBalance", wallet.address, hex(10 * ETHER))
    world.mine(2)
    return world


def kept(world: World) -> list[Any]:
    return [world.rows(table) for table in (TRANSACTIONS, LANES, FUNDS)]


def by_http(world: World, body: dict[str, Any], path: str = "") -> tuple[int, Any]:
    wallet = world.wallets[0]
    answer = world.app.call("POST", f"/transactions{path}", body, user=wallet.user_id)
    return answer.status, answer.body


def by_command(world: World, body: dict[str, Any]) -> tuple[int, Any]:
    """The refusal that the sender of a command receives."""
    event = command("transaction.send", world.wallets[0].user_id, body)
    assert world.app.push("send_transaction", event).status == 204
    _, told = world.published.sent[-1]
    assert told["type"] == "command.refused", told
    assert told["data"]["command"] == {"id": event["id"], "type": "transaction.send"}
    return 422, told["data"]


def missed(line: Line, answer: tuple[int, Any]) -> str | None:
    """Describe what is wrong with an answer; None if it refuses as the line says."""
    status, body = answer
    error = body.get("error") or {}
    found = [error.get("details")[0]["field"]] if line.field and error.get("details") else []
    right = (status, error.get("code")) == (422, line.code) and found == ([line.field] if line.field else [])
    return None if right and line.reason in str(error) else f"{status} {body}"


def refusals(world: World, line: Line) -> list[str]:
    """The lines that were not refused correctly, or cost something, by path."""
    body = {"wallet_id": world.wallets[0].id, "to": TARGET} | line.body
    doors: list[tuple[str, Callable[[], tuple[int, Any]]]] = [
        ("http", lambda: by_http(world, body)),
        ("command", lambda: by_command(world, body)),
    ]
    if line.estimated:
        doors.append(("estimate", lambda: by_http(world, body, "/estimate-gas")))
    if line.simulated:
        doors.append(("simulate", lambda: by_http(world, body, "/simulate")))
    before, wrong = kept(world), []
    for door, ask in doors:
        if (problem := missed(line, ask())) is not None:
            wrong.append(f"{door}: {problem}")
        if kept(world) != before:
            wrong.append(f"{door}: something was reserved")
    return wrong


def test_what_must_not_be_accepted_is_refused_and_costs_nothing(used: World) -> None:
    (lane,), told = used.rows(LANES), len(used.published.sent)
    wrong = {name: problems for name, line in LINES.items() if (problems := refusals(used, line))}
    assert not wrong, "\n".join(f"{name}: {problem}" for name, found in wrong.items() for problem in found)
    assert used.published.types[told:] == ["command.refused"] * len(LINES)
    user = used.wallets[0].user_id
    sent = used.app.ok(202, "POST", "/transactions", {"to": None, "data": CREATES}, user=user)
    used.settle()
    done = used.get(used.wallets[0], sent["id"])
    assert (done["status"], done["nonce"]) == ("confirmed", lane.next_nonce)  # no nonce was used up
    assert used.control("eth_getCode", done["contract_address"], "latest") == "0x01"


def test_a_token_that_does_not_transfer_is_refused(used: World) -> None:
    wrong = {}
    for name, (end, reason) in TRANSFERS.items():
        token = contracts.token(used, end)
        body = {"token": {"address": token, "amount": "5"}}
        line = Line(body, "SIMULATION_FAILED", reason, simulated=False)
        if problems := refusals(used, line):
            wrong[name] = problems
    assert not wrong, "\n".join(f"{name}: {problem}" for name, found in wrong.items() for problem in found)


def test_more_tokens_than_there_are_are_refused(used: World) -> None:
    token = contracts.token(used)
    body = {"token": {"address": token, "amount": str(contracts.HELD + 1)}}
    line = Line(body, VALUE, "balance", simulated=False)
    assert refusals(used, line) == []


# The behaviour of decimals(), and its meaning; None if no amount can be shown.
DECIMALS = {
    "0": (word(0), 0),
    "2": (word(2), 2),
    "77": (word(77), 77),
    "78": (word(78), None),
    "255": (word(255), None),
    "256": (word(256), None),
    "the largest word": (word(2**256 - 1), None),
    "half a word": (short(16), None),
    "nothing": (NOTHING, None),
    "a revert": (REVERT, None),
}


def test_decimals_change_nothing_about_what_is_sent(used: World) -> None:
    """Amounts are base units: the product never asks a token for its decimals before a transfer, only to show a
    balance."""
    wallet, sent = used.wallets[0], {}
    for name, (end, digits) in DECIMALS.items():
        token = contracts.token(
            used, answers={tokens.DECIMALS: end, tokens.SYMBOL: REVERT if digits is None else word(0)}
        )
        body = {"to": TARGET, "token": {"address": token, "amount": "700"}}
        sent[name] = used.app.ok(202, "POST", "/transactions", body, user=wallet.user_id)["id"]
        path = f"/wallets/{wallet.id}/balance?token_address={token}"
        shown = used.app.call("GET", path, user=wallet.user_id)
        if digits is None:
            assert (shown.status, shown.code) == (422, INVALID), (name, shown.text)
            assert shown.body["error"]["details"][0]["field"] == "token_address"
        else:
            assert (shown.status, shown.body["decimals"]) == (200, digits), (name, shown.text)
            assert shown.body["balance"] == str(contracts.HELD)
    used.settle()
    for name, identity in sent.items():
        receipt = used.app.ok(200, "GET", f"/transactions/{identity}/receipt", user=wallet.user_id)
        assert receipt["success"] and receipt["logs"][0]["arguments"]["value"] == "700", name
