"""Funds: promises compared with the observed balance, and the draws of sends and payments, in coin and in tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.desk import funds, supplies
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
from shared.domain.desk.supplies import release, reserve, settle, unsettle
from shared.domain.errors import Refusal
from tests.unit.domain.factories import MINUTE, NOW, TOKEN, native, row, supply, tokens

PENDING = supply(status="pending")
ACTIVE = supply()


def booked(balance: int) -> FundsPair:
    """The pair of an address that backs one active supply of 1000."""
    return funds.book(native(balance), PENDING, ACTIVE, 0, NOW)


def test_an_activation_commits_the_amount_and_counts_the_supply() -> None:
    pair = funds.book(native(1010), PENDING, ACTIVE, 10, NOW)
    assert (pair.coin.committed, pair.coin.supplies, pair.coin.in_flight) == (1000, 1, 0)
    assert pair.coin.version == 3


@pytest.mark.parametrize(
    ("balance", "reason", "refusal"),
    [(999, "INSUFFICIENT_BALANCE", InsufficientBalance), (1009, "INSUFFICIENT_GAS", InsufficientGas)],
)
def test_a_native_supply_needs_its_amount_and_gas(balance: int, reason: str, refusal: type[Refusal]) -> None:
    assert funds.why_uncovered(native(balance), 1000, 10) == reason
    with pytest.raises(refusal):
        funds.book(native(balance), PENDING, ACTIVE, 10, NOW)
    assert funds.why_uncovered(native(1010), 1000, 10) is None


def test_a_token_supply_needs_tokens_on_one_row_and_gas_on_the_other() -> None:
    pending, active = supply(status="pending", asset=TOKEN), supply(asset=TOKEN)
    pair = funds.book(tokens(10, 1000), pending, active, 10, NOW)
    assert pair.token is not None
    assert (pair.token.committed, pair.token.supplies) == (1000, 1)
    assert (pair.coin.committed, pair.coin.supplies) == (0, 1)
    for short, refusal in ((tokens(10, 999), InsufficientBalance), (tokens(9, 1000), InsufficientGas)):
        with pytest.raises(refusal):
            funds.book(short, pending, active, 10, NOW)


def test_two_promises_cannot_use_the_same_balance() -> None:
    with pytest.raises(InsufficientBalance):
        funds.book(booked(1999), PENDING, ACTIVE, 0, NOW)
    assert funds.book(booked(2000), PENDING, ACTIVE, 0, NOW).coin.committed == 2000


def test_a_raise_is_covered_first_and_a_lowering_never_asks() -> None:
    raised = supplies.update(ACTIVE, NOW, amount=1500).supply
    with pytest.raises(InsufficientBalance):
        funds.book(booked(1499), ACTIVE, raised, 0, NOW)
    assert funds.book(booked(1500), ACTIVE, raised, 0, NOW).coin.committed == 1500
    lowered = supplies.update(ACTIVE, NOW, amount=400).supply
    unknown = FundsPair(replace(booked(1000).coin, observed_block=-1))
    assert funds.book(unknown, ACTIVE, lowered, 99, NOW).coin.committed == 400


def test_an_order_leaves_the_row_alone() -> None:
    pair = booked(1000)
    held = reserve(ACTIVE, 300, "ord_1", NOW).supply
    assert funds.book(pair, ACTIVE, held, 99, NOW) is pair
    assert funds.book(pair, held, release(held, 300, "ord_1", NOW).supply, 99, NOW) is pair
    assert funds.book(pair, ACTIVE, supplies.pause(ACTIVE, NOW), 99, NOW) is pair


def test_settling_closing_and_reorganising_follow_without_asking() -> None:
    held = reserve(ACTIVE, 1000, "ord_1", NOW).supply
    paid = settle(held, 400, "txn_1", NOW).supply
    pair = funds.book(booked(1000), held, paid, 99, NOW)
    assert (pair.coin.committed, pair.coin.supplies) == (600, 1)
    all_paid = settle(paid, 600, "txn_2", NOW).supply
    done = funds.book(pair, paid, all_paid, 99, NOW)
    assert (done.coin.committed, done.coin.supplies) == (0, 0)
    back = unsettle(all_paid, 600, "txn_2", NOW).supply
    again = funds.book(done, all_paid, back, 99, NOW)
    assert (again.coin.committed, again.coin.supplies) == (600, 1)
    freed = release(back, 600, "ord_1", NOW).supply
    assert funds.book(again, back, freed, 99, NOW).coin.committed == 0
    closed = supplies.close(ACTIVE, NOW).supply
    assert funds.book(booked(1000), ACTIVE, closed, 99, NOW).coin.supplies == 0


def test_what_never_was_active_commits_nothing() -> None:
    pair = native(0)
    assert funds.book(pair, PENDING, supplies.reject(PENDING, "X", NOW), 0, NOW) is pair
    assert funds.book(pair, PENDING, supplies.close(PENDING, NOW).supply, 0, NOW) is pair
    assert funds.book(pair, PENDING, supplies.update(PENDING, NOW, amount=9999).supply, 0, NOW) is pair


def test_resuming_compares_the_coverage_again() -> None:
    paused = supplies.pause(ACTIVE, NOW)
    resumed = supplies.resume(paused, NOW)
    assert funds.needs_cover(paused, resumed)
    short = FundsPair(funds.observe(booked(1000).coin, 999, 11, NOW))
    with pytest.raises(InsufficientBalance):
        funds.book(short, paused, resumed, 0, NOW)
    whole = booked(1000)
    assert funds.book(whole, paused, resumed, 0, NOW) is whole


def test_older_observations_are_ignored() -> None:
    first = row(500, block=10)
    assert funds.observe(first, 400, 9, NOW) is first
    assert funds.observe(first, 500, 10, NOW) is first
    second = funds.observe(first, 400, 11, NOW + MINUTE)
    assert (second.observed_balance, second.observed_block, second.version) == (400, 11, first.version + 1)


def test_an_observation_from_before_the_last_settlement_is_not_valid() -> None:
    after = funds.ended(row(500, block=10), 11, NOW)
    with pytest.raises(BalanceUnknown) as refused:
        funds.require(FundsPair(after), 1, 0)
    assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
    assert funds.ended(after, 11, NOW) is after
    assert funds.ended(after, None, NOW) is after
    assert funds.observe(after, 300, 11, NOW).balance == 300
    with pytest.raises(BalanceUnknown):
        _ = funds.empty("local", "0xOwner", None, NOW).balance


def test_the_newest_supplies_are_underfunded_first() -> None:
    old = supply(300, supply_id="sup_a")
    new = supply(500, supply_id="sup_b", now=NOW + MINUTE)
    held = reserve(new, 200, "ord_1", NOW).supply
    coin = replace(row(800), committed=800, supplies=2)
    assert funds.underfunded(FundsPair(coin), [held, old], 0) == frozenset()
    assert funds.underfunded(FundsPair(replace(coin, observed_balance=799)), [held, old], 0) == {"sup_b"}
    assert funds.underfunded(FundsPair(coin), [held, old], 1) == {"sup_b"}
    assert funds.underfunded(FundsPair(replace(coin, observed_balance=499)), [held, old], 0) == {
        "sup_a",
        "sup_b",
    }
    assert funds.underfunded(FundsPair(replace(coin, observed_balance=199)), [held, old], 0) == {
        "sup_a",
        "sup_b",
    }


def test_without_gas_every_token_supply_is_underfunded() -> None:
    active = supply(asset=TOKEN)
    pair = tokens(10, 1000)
    assert pair.token is not None
    pair = pair._replace(token=replace(pair.token, committed=1000))
    assert funds.underfunded(pair, [active], 10) == frozenset()
    assert funds.underfunded(pair, [active], 11) == {"sup_1"}
    assert funds.underfunded(pair, [PENDING], 11) == frozenset()


def test_more_ended_than_was_begun_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        funds.add(row(10), NOW, committed=-1)


def backing(balance: int, committed: int) -> FundsPair:
    """A native pair whose address backs a live supply."""
    coin = native(balance).coin
    return FundsPair(replace(coin, committed=committed, supplies=1))


def figures(pair: FundsPair) -> tuple[tuple[int, int], ...]:
    return tuple((r.committed, r.in_flight) for r in pair if r is not None)


def test_a_send_commits_its_value_and_gas_until_it_ends() -> None:
    sent = start_send(native(110), 100, 10, 99, NOW)  # no supplies: no gas reserve is required
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
