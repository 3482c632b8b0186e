"""Policies: what each rule denies, what cannot be read is denied, and a no-op always passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wallets import policies
from shared.domain.wallets.policies import NATIVE, Action, Policy, PolicyDenied

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ME, FRIEND, TOKEN, OTHER = ("0x" + digit * 40 for digit in "ABCD")


def policy(**rules: Any) -> Policy:
    return replace(policies.empty("wal_1", "usr_1", NOW), **rules)


def word(value: int | str) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")


def call(selector: str, *words: int | str, to: str | None = TOKEN, value: int = 0) -> Action:
    return Action(ME, to, value, bytes.fromhex(selector) + b"".join(map(word, words)))


def pay(amount: int, to: str = FRIEND) -> Action:
    return Action(ME, to, amount, b"")


def transfer(amount: int, to: str = FRIEND) -> Action:
    return call("a9059cbb", to, amount)


def denied(rules: Policy, action: Action, spent: dict[str, int] | None = None) -> str | None:
    try:
        policies.decide(rules, action, spent or {})
    except PolicyDenied as refusal:
        return str(refusal.data["rule"])
    return None


def limit(asset: str, per_transaction: int | None = None, per_day: int | None = None) -> dict[str, Any]:
    texts = [None if value is None else str(value) for value in (per_transaction, per_day)]
    return {asset.lower(): dict(zip(("max_per_transaction", "max_per_day"), texts, strict=True))}


def test_an_empty_policy_allows_everything() -> None:
    for action in (pay(10**30), transfer(5), call("12345678"), Action(ME, None, 0, b"\x60")):
        assert policies.decide(policy(), action, {}) == policies.Decision()


@pytest.mark.parametrize("action", [pay(1), transfer(1), call("12345678"), Action(ME, None, 0, b"\x60")])
def test_a_paused_wallet_signs_no_op_only(action: Action) -> None:
    assert denied(policy(paused=True), action) == "paused"
    assert denied(policy(paused=True), Action(ME, ME.lower(), 0, b"")) is None
    assert denied(policy(paused=True), Action(ME, ME, 1, b"")) == "paused"


@pytest.mark.parametrize(
    ("action", "moves"),
    [
        (pay(7), [(NATIVE, FRIEND, 7)]),
        (transfer(7), [(TOKEN, FRIEND, 7)]),
        (call("095ea7b3", FRIEND, 7), [(TOKEN, FRIEND, 7)]),
        (call("39509351", FRIEND, 7), [(TOKEN, FRIEND, 7)]),
        (call("23b872dd", ME, FRIEND, 7), [(TOKEN, FRIEND, 7)]),
        (call("23b872dd", OTHER, FRIEND, 7), [(TOKEN, FRIEND, 0)]),
        (call("a9059cbb", FRIEND, 7, value=3), [(NATIVE, TOKEN, 3), (TOKEN, FRIEND, 7)]),
    ],
)
def test_what_a_transaction_moves_is_read_from_its_bytes(action: Action, moves: list[Any]) -> None:
    found = [(move.asset, move.recipient.lower(), move.amount) for move in action.moves]
    assert found == [(asset, recipient.lower(), amount) for asset, recipient, amount in moves]
    assert action.readable


@pytest.mark.parametrize(
    "action",
    [
        call("12345678", 1),
        call("a9059cbb", FRIEND),
        call("a9059cbb", FRIEND, 1, 2),
        call("a9059cbb", 2**200, 1),  # not an address
        Action(ME, TOKEN, 0, bytes.fromhex("a9059cbb") + bytes(63)),
        Action(ME, TOKEN, 0, b"\xa9"),
    ],
)
def test_what_cannot_be_read_is_denied_where_it_matters(action: Action) -> None:
    assert not action.readable
    assert denied(policy(), action) is None
    assert denied(policy(limits=limit(NATIVE, 5)), action) == "unreadable_call"
    assert denied(policy(allowed_recipients=[FRIEND]), action) == "unreadable_call"
    trusting = policy(limits=limit(NATIVE, 5), allowed_contracts=[TOKEN.lower()])
    assert denied(trusting, action) is None
    assert policies.decide(policy(approval_above=5), action, {}).needs_approval


def test_lists_allow_only_what_they_name() -> None:
    recipients = policy(allowed_recipients=[FRIEND.lower()])
    assert denied(recipients, pay(1)) is None and denied(recipients, transfer(1)) is None
    assert denied(recipients, pay(1, OTHER)) == denied(recipients, transfer(1, OTHER)) == "allowed_recipients"
    assert denied(recipients, call("095ea7b3", OTHER, 1)) == "allowed_recipients"
    assert denied(policy(allowed_recipients=[]), pay(1)) == "allowed_recipients"
    contracts = policy(allowed_contracts=[TOKEN])
    assert denied(contracts, transfer(1)) is None and denied(contracts, pay(1, OTHER)) is None
    assert denied(contracts, call("12345678", to=OTHER)) == "allowed_contracts"
    assert denied(contracts, Action(ME, None, 0, b"\x60")) == "contract_creation"
    selectors = policy(allowed_selectors=["0xA9059CBB"])
    assert denied(selectors, transfer(1)) is None
    assert denied(selectors, call("095ea7b3", FRIEND, 1)) == "allowed_selectors"
    both = policy(allowed_recipients=[FRIEND], allowed_contracts=[OTHER])
    assert denied(both, call("12345678", to=OTHER, value=4)) is None
    assert denied(both, pay(4, OTHER)) == "allowed_recipients"


def test_limits_count_by_asset() -> None:
    rules = policy(limits=limit(NATIVE, 10, 25) | limit(TOKEN, None, 5))
    assert denied(rules, pay(10)) is None and denied(rules, pay(11)) == "max_per_transaction"
    assert denied(rules, pay(10), {NATIVE: 15}) is None
    assert denied(rules, pay(10), {NATIVE: 16}) == "max_per_day"
    assert denied(rules, transfer(5)) is None and denied(rules, transfer(6)) == "max_per_day"
    assert denied(rules, transfer(1), {TOKEN.lower(): 5}) == "max_per_day"
    assert policies.decide(rules, transfer(5), {}).spends == {TOKEN.lower(): 5}
    assert denied(rules, call("a9059cbb", FRIEND, 1, to=OTHER)) is None
    assert denied(rules, call("095ea7b3", FRIEND, 2**256 - 1)) == "max_per_day"


def test_a_second_person_is_needed_above_the_threshold() -> None:
    rules = policy(approval_above=100)
    assert not policies.decide(rules, pay(100), {}).needs_approval
    assert policies.decide(rules, pay(101), {}).needs_approval
    assert policies.decide(rules, transfer(101), {}).needs_approval


@pytest.mark.parametrize(
    "rules", [{"limits": limit(NATIVE, 5)}, {"allowed_recipients": []}, {"approval_above": 1}]
)
def test_typed_data_may_be_a_permit(rules: dict[str, Any]) -> None:
    policies.check_typed_data(policy(), None)
    for contract in (None, OTHER):
        with pytest.raises(PolicyDenied):
            policies.check_typed_data(policy(**rules), contract)
    policies.check_typed_data(policy(**rules, allowed_contracts=[OTHER]), OTHER.lower())
    with pytest.raises(PolicyDenied):
        policies.check_message(policy(paused=True))


@given(st.binary(max_size=200), st.integers(0, 2**256 - 1), st.sampled_from([None, ME, FRIEND, TOKEN]))
def test_no_bytes_pass_more_than_a_limit(data: bytes, value: int, to: str | None) -> None:
    rules = policy(limits=limit(NATIVE, 1000), allowed_contracts=None)
    action = Action(ME, to, value, data)
    if denied(rules, action) is None:
        assert action.noop or (action.readable and value <= 1000)


def test_a_change_counts_once() -> None:
    rules = {"limits": limit(NATIVE, 1, 5), "paused": True}
    first = policies.changed(policy(), NOW, **rules)
    assert first.version == 1 and policies.changed(first, NOW + policies.CLOCK_MARGIN, **rules) is first


def test_only_what_was_surely_booked_is_given_back() -> None:
    first = policies.changed(policy(), NOW, limits=limit(NATIVE, None, 5))
    later = NOW + policies.CLOCK_MARGIN
    assert not first.booked(NATIVE, NOW) and first.booked(NATIVE, later) and not first.booked(TOKEN, later)
    raised = policies.changed(first, later, limits=limit(NATIVE, None, 9))
    assert raised.booked(NATIVE, later)
    gone = policies.changed(raised, later, limits=limit(NATIVE, 3))
    again = policies.changed(gone, later, limits=limit(NATIVE, 3, 9))
    assert not gone.booked(NATIVE, later) and not again.booked(NATIVE, later)
