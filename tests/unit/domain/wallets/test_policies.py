"""Policies: the denials of each rule, the denial of unreadable data, and the waiting time for looser rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wallets import policies, policy_changes
from shared.domain.wallets.outflows.moves import FEES, NATIVE, Outflow
from shared.domain.wallets.outflows.reader import of_transaction
from shared.domain.wallets.policies import Policy, PolicyDenied

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DELAY = timedelta(hours=24)
ME, FRIEND, TOKEN, OTHER = ("0x" + digit * 40 for digit in "ABCD")


def policy(**rules: Any) -> Policy:
    return replace(policies.empty("wal_1", "usr_1", NOW), **rules)


def word(value: int | str) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")


def call(selector: str, *words: int | str, to: str | None = TOKEN, value: int = 0, fee: int = 0) -> Outflow:
    return of_transaction(ME, to, value, bytes.fromhex(selector) + b"".join(map(word, words)), fee)


def pay(amount: int, to: str = FRIEND, fee: int = 0) -> Outflow:
    return of_transaction(ME, to, amount, b"", fee)


def created() -> Outflow:
    return of_transaction(ME, None, 0, b"\x60")


def transfer(amount: int, to: str = FRIEND) -> Outflow:
    return call("a9059cbb", to, amount)


def denied(rules: Policy, outflow: Outflow, spent: dict[str, int] | None = None) -> str | None:
    try:
        policies.decide(rules, outflow, spent or {})
    except PolicyDenied as refusal:
        return str(refusal.data["rule"])
    return None


def limit(asset: str, per_transaction: int | None = None, per_day: int | None = None) -> dict[str, Any]:
    texts = [None if value is None else str(value) for value in (per_transaction, per_day)]
    return {asset.lower(): dict(zip(("max_per_transaction", "max_per_day"), texts, strict=True))}


def test_an_empty_policy_allows_everything() -> None:
    for outflow in (pay(10**30), transfer(5), call("12345678"), created()):
        assert policies.decide(policy(), outflow, {}) == policies.Decision()


@pytest.mark.parametrize("outflow", [pay(1), pay(0, ME), transfer(1), call("12345678"), created()])
def test_a_paused_wallet_signs_nothing(outflow: Outflow) -> None:
    assert denied(policy(paused=True), outflow) == "paused"


RULES: list[dict[str, Any]] = [
    {"limits": {NATIVE: {"max_per_transaction": None, "max_per_day": "5"}}},
    {"allowed_recipients": [FRIEND]},
    {"allowed_contracts": [TOKEN]},
    {"allowed_selectors": ["0x12345678"]},
    {"approval_above": 5},
    {"max_fee_per_day": 5},
    {"allowed_typed_data": []},
]


@pytest.mark.parametrize("rules", RULES)
def test_what_cannot_be_read_is_denied_while_any_rule_is_set(rules: dict[str, Any]) -> None:
    for outflow in (call("12345678", 1), call("a9059cbb", FRIEND), call("a9059cbb", 2**200, 1)):
        assert denied(policy(**rules), outflow) == "unreadable_call"
        assert denied(policy(), outflow) is None
    assert denied(policy(**rules), created()) == "contract_creation"


def test_lists_allow_only_what_they_name() -> None:
    recipients = policy(allowed_recipients=[FRIEND.lower()])
    assert denied(recipients, pay(1)) is None and denied(recipients, transfer(1)) is None
    assert denied(recipients, pay(1, OTHER)) == denied(recipients, transfer(1, OTHER)) == "allowed_recipients"
    assert denied(recipients, call("095ea7b3", OTHER, 1)) == "allowed_recipients"
    assert denied(recipients, pay(0, OTHER)) == "allowed_recipients"
    assert denied(recipients, call("a22cb465", OTHER, 1)) == "allowed_recipients"
    assert denied(recipients, call("a22cb465", OTHER, 0)) is None, "a right is taken back"
    assert denied(policy(allowed_recipients=[]), pay(1)) == "allowed_recipients"
    contracts = policy(allowed_contracts=[TOKEN])
    assert denied(contracts, transfer(1)) is None and denied(contracts, pay(1, OTHER)) is None
    assert denied(contracts, call("a9059cbb", FRIEND, 1, to=OTHER)) == "allowed_contracts"
    permit2 = call("87517c45", FRIEND, OTHER, 1, 1)  # another contract's tokens
    assert denied(contracts, permit2) == "allowed_contracts"
    selectors = policy(allowed_selectors=["0xA9059CBB"])
    assert denied(selectors, transfer(1)) is None
    assert denied(selectors, call("095ea7b3", FRIEND, 1)) == "allowed_selectors"


def test_a_listed_contract_waives_no_other_rule() -> None:
    """A1: one byte more than the exact calldata, to a listed token."""
    rules = policy(
        limits=limit(TOKEN, 10, 10), allowed_recipients=[FRIEND], allowed_contracts=[TOKEN],
        allowed_selectors=["0xa9059cbb"],
    )  # fmt: skip
    data = bytes.fromhex("a9059cbb") + word(OTHER) + word(10**18)
    for tail in (b"", b"\0", bytes(32), b"\xff" * 7):
        assert denied(rules, of_transaction(ME, TOKEN, 0, data + tail)) == "allowed_recipients"
        exact = data[:4] + word(FRIEND) + word(11) + tail
        assert denied(rules, of_transaction(ME, TOKEN, 0, exact)) == "max_per_transaction"
    assert (
        denied(policy(allowed_recipients=[], allowed_contracts=[OTHER]), pay(4, OTHER))
        == "allowed_recipients"
    )


def test_limits_count_by_asset_and_gas_with_the_native_one() -> None:
    rules = policy(limits=limit(NATIVE, 10, 25) | limit(TOKEN, None, 5))
    assert denied(rules, pay(10)) is None and denied(rules, pay(11)) == "max_per_transaction"
    assert denied(rules, pay(7, fee=3)) is None and denied(rules, pay(8, fee=3)) == "max_per_transaction"
    assert denied(rules, pay(10), {NATIVE: 15}) is None
    assert denied(rules, pay(10), {NATIVE: 16}) == "max_per_day"
    assert denied(rules, transfer(5)) is None and denied(rules, transfer(6)) == "max_per_day"
    assert denied(rules, call("a9059cbb", FRIEND, 1, fee=11)) == "max_per_transaction"
    assert denied(rules, transfer(1), {TOKEN.lower(): 5}) == "max_per_day"
    assert policies.decide(rules, transfer(5), {}).spends == {TOKEN.lower(): 5}
    assert denied(rules, call("a9059cbb", FRIEND, 1, to=OTHER)) is None
    assert denied(rules, call("095ea7b3", FRIEND, 2**256 - 1)) == "max_per_day"
    fees = policy(max_fee_per_day=5)
    assert denied(fees, pay(10**18, fee=5), {NATIVE: 10**18}) is None
    assert denied(fees, pay(0, fee=6)) == denied(fees, pay(0, fee=3), {FEES: 3}) == "max_fee_per_day"
    assert policies.decide(fees, pay(1, fee=5), {}).spends == {FEES: 5}


def test_a_second_person_is_needed_above_the_threshold() -> None:
    rules = policy(approval_above=100)
    assert not policies.decide(rules, pay(100), {}).needs_approval
    assert policies.decide(rules, pay(101), {}).needs_approval
    assert policies.decide(rules, pay(98, fee=3), {}).needs_approval
    assert policies.decide(rules, transfer(101), {}).needs_approval


def test_a_restricted_wallet_signs_no_hash() -> None:
    """A16: contracts accept the signature of a 32-byte text as the approval of a hash."""
    with pytest.raises(PolicyDenied):
        policies.check_message(policy(paused=True), "hello")
    for text in ("x" * 32, "ä" * 16, "0x" + "ab" * 32, "AB" * 32, "0X" + "ab" * 32, "x" * 31 + "\ud800"):
        policies.check_message(policy(), text)
        for rules in RULES:
            with pytest.raises(PolicyDenied):
                policies.check_message(policy(**rules), text)
    policies.check_message(policy(approval_above=1), "x" * 33)


@given(st.binary(max_size=200), st.integers(0, 2**256 - 1), st.sampled_from([None, ME, FRIEND, TOKEN]))
def test_no_bytes_pass_more_than_a_limit(data: bytes, value: int, to: str | None) -> None:
    rules = policy(limits=limit(NATIVE, 1000), allowed_contracts=None)
    outflow = of_transaction(ME, to, value, data)
    if denied(rules, outflow) is None:
        assert outflow.readable and value <= 1000


def rules_of(**rules: Any) -> dict[str, Any]:
    return policy_changes.rules_of(policy(**rules))


def changed(before: Policy, now: datetime = NOW, **rules: Any) -> Policy:
    return policy_changes.change(before, rules_of(**rules), now, DELAY)


def test_a_change_counts_once() -> None:
    first = changed(policy(), limits=limit(NATIVE, 1, 5), paused=True)
    assert first.version == 1
    again = changed(first, NOW + policies.CLOCK_MARGIN, limits=limit(NATIVE, 1, 5), paused=True)
    assert again is first


STRICT: dict[str, Any] = {
    "limits": limit(NATIVE, 10, 20), "allowed_recipients": [FRIEND], "allowed_contracts": [TOKEN],
    "allowed_selectors": ["0xa9059cbb"], "approval_above": 5, "approvers": ["usr_2", "usr_3"],
    "approvals_required": 2, "max_fee_per_day": 7, "paused": True, "allowed_typed_data": [],
}  # fmt: skip
LOOSER: list[dict[str, Any]] = [
    {"limits": limit(NATIVE, 11, 20)}, {"limits": limit(NATIVE, 10)}, {"limits": {}},
    {"allowed_recipients": [FRIEND, OTHER]}, {"allowed_recipients": None}, {"allowed_contracts": None},
    {"allowed_selectors": None}, {"approval_above": 6}, {"approval_above": None},
    {"approvers": ["usr_2", "usr_3", "usr_4"]}, {"approvals_required": 1}, {"max_fee_per_day": 8},
    {"max_fee_per_day": None}, {"paused": False}, {"allowed_typed_data": None},
    {"allowed_typed_data": [{"contract": TOKEN, "primary_type": "Permit"}]},
]  # fmt: skip


@pytest.mark.parametrize("looser", LOOSER)
def test_what_is_looser_waits_and_holds_when_the_delay_is_over(looser: dict[str, Any]) -> None:
    strict = changed(policy(), **STRICT)
    assert strict.pending is None and policy_changes.rules_of(strict) == rules_of(**STRICT), (
        "stricter: at once"
    )
    after = changed(strict, **STRICT | looser)
    assert policy_changes.loosens(strict, after)
    assert policy_changes.rules_of(after) == rules_of(**STRICT) and after.pending == rules_of(
        **STRICT | looser
    )
    assert after.at(NOW + DELAY - timedelta(seconds=1)) is after
    later = after.at(NOW + DELAY)
    assert policy_changes.rules_of(later) == rules_of(**STRICT | looser) and later.pending is None
    assert later.version == after.version + 1
    assert changed(after, NOW + timedelta(hours=1), **STRICT | looser) is after, "no delay begins again"
    for withdrawn in (policy_changes.withdrawn(after, NOW), changed(after, **STRICT)):
        assert withdrawn.pending is None and withdrawn.at(NOW + 2 * DELAY) is withdrawn


def test_of_a_change_that_does_both_the_stricter_part_holds_at_once() -> None:
    before = changed(policy(), limits=limit(NATIVE, 10), allowed_recipients=[FRIEND])
    after = changed(before, limits=limit(NATIVE, 5), allowed_recipients=[FRIEND.lower(), OTHER])
    assert after.limit(NATIVE, "max_per_transaction") == 5 and after.allowed_recipients == [FRIEND.lower()]
    assert denied(after.at(NOW + DELAY), pay(5, OTHER)) is None
    free = changed(policy(), approvers=["usr_2"])
    assert changed(free, approvers=["usr_3"], approval_above=5).approvers == ["usr_3"], "nobody approved yet"
    named = [{"contract": TOKEN, "primary_type": "Order"}]
    assert changed(policy(), allowed_typed_data=named).pending is None, "of a wallet without rules: stricter"


def test_only_what_was_surely_booked_is_given_back() -> None:
    first = changed(policy(), limits=limit(NATIVE, None, 5), max_fee_per_day=5)
    later = NOW + policies.CLOCK_MARGIN
    assert not first.booked(NATIVE, NOW) and first.booked(NATIVE, later) and not first.booked(TOKEN, later)
    assert not first.booked(FEES, NOW) and first.booked(FEES, later)
    raised = changed(first, later, limits=limit(NATIVE, None, 9)).at(later + DELAY)
    assert raised.booked(NATIVE, later) and not raised.booked(FEES, later)
    gone = policies.changed(raised, later, **rules_of(limits=limit(NATIVE, 3)))
    again = policies.changed(gone, later, **rules_of(limits=limit(NATIVE, 3, 9)))
    assert not gone.booked(NATIVE, later) and not again.booked(NATIVE, later)
