"""What transactions draw: ordinary sends and payments, begun, ended, and begun again by a reorganisation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.desk.funds import (
    BalanceUnknown,
    FundsCommitted,
    FundsPair,
    InsufficientBalance,
    InsufficientGas,
    SettlementUnfunded,
    end_payment,
    end_send,
    resume_payment,
    resume_send,
    start_payment,
    start_send,
)
from shared.domain.errors import Refusal
from tests.unit.domain.factories import NOW, native, tokens


def backing(balance: int, committed: int) -> FundsPair:
    """A native pair whose address backs a live supply."""
    coin = native(balance).coin
    return FundsPair(replace(coin, committed=committed, supplies=1))


def figures(pair: FundsPair) -> tuple[tuple[int, int], ...]:
    return tuple((r.committed, r.in_flight) for r in pair if r is not None)


def test_a_send_commits_its_value_and_gas_until_it_ends() -> None:
    sent = start_send(native(110), 100, 10, 99, NOW)  # no supplies: no gas reserve is asked for
    assert figures(sent) == ((110, 110),)
    done = end_send(sent, 100, 10, 12, NOW)
    assert figures(done) == ((0, 0),)
    assert done.coin.settled_block == 12
    with pytest.raises(BalanceUnknown):
        start_send(done, 1, 1, 0, NOW)
    assert figures(resume_send(done, 100, 10, NOW)) == ((110, 110),)


def test_a_send_that_never_came_to_the_chain_leaves_the_observation_valid() -> None:
    done = end_send(start_send(native(110), 100, 10, 0, NOW), 100, 10, None, NOW)
    assert done.coin.balance == 110


@pytest.mark.parametrize(
    ("pair", "refusal"),
    [
        (native(99), InsufficientBalance),
        (native(109), InsufficientGas),
        (backing(200, 100), FundsCommitted),
        (backing(219, 100), FundsCommitted),
        (tokens(9, 100), InsufficientGas),
        (tokens(10, 99), InsufficientBalance),
    ],
)
def test_a_send_that_is_not_covered_is_refused(pair: FundsPair, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        start_send(pair, 100, 10, 10, NOW)


def test_committed_tokens_and_the_gas_reserve_of_token_supplies_are_kept() -> None:
    pair = tokens(19, 1000)
    assert pair.token is not None
    kept = FundsPair(replace(pair.coin, supplies=1), replace(pair.token, committed=901, supplies=1))
    with pytest.raises(FundsCommitted):
        start_send(kept, 100, 5, 10, NOW)
    with pytest.raises(FundsCommitted):
        start_send(kept, 99, 10, 10, NOW)
    assert figures(start_send(kept, 99, 9, 10, NOW)) == ((9, 9), (1000, 99))


def test_a_payment_marks_its_part_and_commits_only_gas() -> None:
    paying = start_payment(backing(1010, 1000), 300, 10, NOW)
    assert figures(paying) == ((1010, 310),)
    ended = end_payment(paying, 300, 10, 15, NOW)
    assert figures(ended) == ((1000, 0),)
    assert ended.coin.settled_block == 15
    assert figures(resume_payment(ended, 300, 10, NOW)) == ((1010, 310),)


def test_a_token_payment_draws_on_both_rows() -> None:
    pair = tokens(10, 1000)
    assert pair.token is not None
    pair = FundsPair(pair.coin, replace(pair.token, committed=1000, supplies=1))
    paying = start_payment(pair, 300, 10, NOW)
    assert figures(paying) == ((10, 10), (1000, 300))
    ended = end_payment(paying, 300, 10, 15, NOW)
    assert ended.token is not None
    assert (ended.coin.settled_block, ended.token.settled_block) == (15, 15)


@pytest.mark.parametrize("short", [backing(309, 1000), backing(299, 300), tokens(9, 300), tokens(10, 299)])
def test_a_payment_that_cannot_be_paid_now_is_not_started(short: FundsPair) -> None:
    with pytest.raises(SettlementUnfunded):
        start_payment(short, 300, 10, NOW)


def test_other_promises_do_not_hinder_a_payment_but_other_payments_do() -> None:
    underfunded = backing(500, 1000)
    first = start_payment(underfunded, 300, 10, NOW)
    with pytest.raises(SettlementUnfunded):
        start_payment(first, 190, 10, NOW)
    assert figures(start_payment(first, 180, 10, NOW)) == ((1020, 500),)
