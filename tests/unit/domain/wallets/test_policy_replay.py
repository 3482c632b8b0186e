"""A draft's verdict about the past: each rule as it would have applied, and the day's spending as it would have
been."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wallets import policies
from shared.domain.wallets.outflows.moves import NATIVE
from shared.domain.wallets.policy_replay import Past, replay
from tests.unit.domain.wallets.test_policies import FRIEND, NOW, OTHER, limit, pay, policy


def past(
    name: str, hours: float, amount: int, to: str = FRIEND, *, unspent: int = 0, ended: float | None = None
) -> Past:
    end = None if ended is None else NOW + timedelta(hours=ended)
    return Past(name, NOW + timedelta(hours=hours), pay(amount, to), {NATIVE: unspent}, end)


def refused(draft: policies.Policy, *sent: Past) -> list[tuple[str, str]]:
    return [(one.past.id, one.denied.data["rule"]) for one in replay(draft, sent) if one.denied]


def test_each_rule_is_tried_on_each_transaction() -> None:
    sent = (past("a", 0, 5), past("b", 1, 50), past("c", 2, 5, OTHER))
    assert refused(policy(), *sent) == []
    assert refused(policy(limits=limit(NATIVE, per_transaction=10)), *sent) == [("b", "max_per_transaction")]
    assert refused(policy(allowed_recipients=[FRIEND]), *sent) == [("c", "allowed_recipients")]
    assert [name for name, _ in refused(policy(paused=True), *sent)] == ["a", "b", "c"]
    waiting = [one.past.id for one in replay(policy(approval_above=10), sent) if one.needs_approval]
    assert waiting == ["b"]


def test_a_day_rolls_on_and_what_was_refused_has_spent_nothing() -> None:
    draft = policy(limits=limit(NATIVE, per_day=10))
    sent = (past("a", 0, 6), past("b", 1, 6), past("c", 2, 4), past("d", 27, 10))
    assert refused(draft, *sent) == [("b", "max_per_day")]


def test_what_turned_out_to_stay_counts_until_that_was_known() -> None:
    draft = policy(limits=limit(NATIVE, per_day=10))
    early = (past("a", 0, 8, unspent=8, ended=2), past("b", 1, 8), past("c", 3, 8))
    assert refused(draft, *early) == [("b", "max_per_day")]


@given(st.lists(st.tuples(st.floats(0, 72), st.integers(0, 20)), max_size=30))
def test_no_rolling_day_of_what_passes_exceeds_the_limit(sent: list[tuple[float, int]]) -> None:
    draft = policy(limits=limit(NATIVE, per_day=30))
    everything = [past(str(at), hours, amount) for at, (hours, amount) in enumerate(sent)]
    passed = [one.past for one in replay(draft, everything) if one.denied is None]
    for last in passed:
        day = [
            one
            for one in passed
            if last.accepted_at - timedelta(hours=24) < one.accepted_at <= last.accepted_at
        ]
        assert sum(one.outflow.totals().get(NATIVE, 0) for one in day) <= 30
