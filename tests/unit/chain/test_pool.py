"""Reads go to the best endpoint, broadcasts to all, evidence needs two; health, limits, wrong chains."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain import errors, evidence
from shared.chain.broadcast import send_many
from shared.chain.client import ChainClient
from shared.chain.endpoints import REST, Endpoint, TokenBucket
from shared.chain.errors import NoQuorum, RateLimited, Unreachable, WrongChain
from shared.chain.pool import Pool
from shared.chain.registry import Registry
from tests.unit.chain.nodes import Node, always


def ask(endpoint: Endpoint) -> Any:
    return endpoint.call("eth_blockNumber", [])


@pytest.mark.parametrize(
    "failure", [Unreachable("x"), RateLimited("x"), errors.Lagging("x"), errors.MethodMissing("x")]
)
def test_a_read_falls_over_to_the_next(pool_of, failure) -> None:
    bad, good = Node("a", always(failure)), Node("b", always("0x1"))
    assert pool_of(bad, good).read(ask) == "0x1"
    assert bad.asked


def test_a_nodes_own_refusal_stands(pool_of) -> None:
    other = Node("b", always("0x1"))
    with pytest.raises(errors.ExecutionReverted):
        pool_of(Node("a", always(errors.ExecutionReverted("no"))), other).read(ask)
    assert not other.asked


def test_when_none_answers_the_last_failure_is_told(pool_of) -> None:
    with pytest.raises(RateLimited):
        pool_of(Node("a", always(Unreachable("x"))), Node("b", always(RateLimited("x")))).read(ask)


def test_failing_slow_and_lagging_endpoints_come_last(pool_of, clock) -> None:
    pool = pool_of(*(Node(name, always("0x1")) for name in "abc"))
    a, b, c = pool.endpoints
    a.head, b.head, c.head = 100, 100, 80
    b.latency = 3.0
    assert [one.name for one in pool.ranked()] == ["a", "b", "c"]
    a.rpc.answer = always(Unreachable("x"))
    for _ in range(3):
        with pytest.raises(Unreachable):
            ask(a)
    assert not a.healthy
    assert [one.name for one in pool.ranked()] == ["b", "c", "a"]
    clock.now += REST
    assert a.healthy


@pytest.mark.parametrize(("method", "healthy"), [("eth_call", True), ("eth_getLogs", False)])
def test_an_endless_answer_of_a_contract_is_not_the_nodes_fault(pool_of, method: str, healthy: bool) -> None:
    (endpoint,) = pool_of(Node("a", always(errors.AnswerTooLong("x")))).endpoints
    for _ in range(5):
        with pytest.raises(Unreachable):
            endpoint.call(method, [])
    assert endpoint.healthy is healthy


def test_a_429_rests_the_endpoint_at_once(pool_of) -> None:
    pool = pool_of(Node("a", always(RateLimited("429"))), Node("b", always("0x2")))
    assert pool.read(ask) == "0x2"
    assert not pool.endpoints[0].healthy


def test_a_429_for_one_call_of_a_batch_rests_the_endpoint(pool_of) -> None:
    pool = pool_of(Node("a", always(RateLimited("429"))), Node("b", always("0x2")))
    client = ChainClient(Registry.DEFAULT.chain("local"), pool)
    assert client.pool.batch([("eth_blockNumber", [])] * 2) == ["0x2", "0x2"]
    assert not pool.endpoints[0].healthy


def test_our_own_limit_moves_calls_elsewhere_and_recovers(pool_of, clock) -> None:
    pool = pool_of(Node("a", always("0xa")), Node("b", always("0xb")), rate=1.0, burst=3.0)
    assert {pool.read(ask) for _ in range(4)} == {"0xa", "0xb"}
    with pytest.raises(RateLimited):
        pool.read(ask)
    clock.now += 5
    assert pool.read(ask) in ("0xa", "0xb")


def test_more_calls_than_the_limit_go_out_at_its_pace(clock) -> None:
    """A pass over many lanes sends thousands of calls at once: if they were refused, every pass would fail."""

    def sleep(seconds: float) -> None:
        clock.now += seconds

    endpoint = Endpoint(Node("a", always("0x1")), 31337, clock=clock, sleep=sleep)
    began = clock.now
    for size in (1, 2_100, 700, 1_500):
        assert endpoint.batch([("eth_blockNumber", [])] * size) == ["0x1"] * size
    assert clock.now - began == pytest.approx(2.3, abs=0.05)


def test_a_bucket_lets_an_oversized_batch_pass_when_full(clock) -> None:
    bucket = TokenBucket(1.0, 10.0, clock)
    assert bucket.take(50)
    assert not bucket.take(1)
    clock.now += 45
    assert bucket.take(1)


def test_a_wrong_chain_is_never_asked_or_sent_to(pool_of) -> None:
    node = Node("a", always("0x1"), chain_id=1)
    pool = pool_of(node)
    client = ChainClient(Registry.DEFAULT.chain("local"), pool)
    for call in (client.chain_id, client.block_number, client.head):
        with pytest.raises(WrongChain):
            call()
    assert client.send_many([b"\1"])[0].outcome == "ambiguous"
    assert node.asked == []


def test_an_endpoint_of_another_chain_does_not_keep_the_others_from_answering(pool_of, clock) -> None:
    """It may have been unreachable at the start, when the chain was confirmed; it answers faster than the others."""
    wrong, *right = (Node(name, always("0x5"), chain_id=1 if name == "a" else 31337) for name in "abc")
    pool = pool_of(wrong, *right)
    for _ in range(3):
        assert pool.read(ask) == "0x5"
        assert pool.quorum("question", ask, 10) == "0x5"
        assert pool.quorum_each(["question"], lambda endpoint: [ask(endpoint)], 10) == ["0x5"]
        assert pool.reached(lambda endpoint: int(ask(endpoint), 16)) == 5
        clock.now += REST
    assert wrong.asked == []
    with pytest.raises(WrongChain):
        ask(pool.endpoints[0])
    assert [one.name for one in pool.ranked()] == ["b", "c", "a"]
    with pytest.raises(WrongChain):
        ChainClient(Registry.DEFAULT.chain("local"), pool).chain_id()


def test_an_endpoint_that_shows_no_block_does_not_keep_the_others_from_showing_theirs(pool_of) -> None:
    """Some nodes answer null for a tag, or for the newest block while they synchronise, and answer it quickly."""
    block = {"number": "0xa", "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "timestamp": "0x1"}
    full = block | {"gasLimit": "0x1", "transactions": []}
    empty, *others = Node("a", always(None)), Node("b", always(full)), Node("c", always(full))
    client = ChainClient(Registry.DEFAULT.chain("local"), pool_of(empty, *others))
    assert client.head().number == 10
    assert client.block("safe") is not None
    assert evidence.reached(client, "finalized") == 10
    assert evidence.reached(ChainClient(client.spec, pool_of(empty, others[0])), "finalized") == -1


@pytest.mark.parametrize(
    ("heights", "reached", "asked"),
    [
        ((100, 101, 102), 100, 2),
        ((5, 100, 101), 100, 3),  # one of them stands still
        ((10**9, 100, 101), 101, 3),  # one makes it up
        ((-1, 100, 101), 100, 3),
        ((5, 100), 5, 2),
        ((-1, -1, 100), -1, 3),
    ],
)
def test_the_height_of_a_quorum_is_the_greatest_that_two_have_reached(
    pool_of, heights: tuple[int, ...], reached: int, asked: int
) -> None:
    nodes = [Node(str(at), always(hex(height))) for at, height in enumerate(heights)]
    assert pool_of(*nodes).reached(lambda endpoint: int(ask(endpoint), 16)) == reached
    assert sum(len(node.asked) for node in nodes) == asked


def test_the_chain_is_confirmed_by_whoever_answers(pool_of) -> None:
    dead = Node("b", always("0x1"))
    dead.call = lambda *_: (_ for _ in ()).throw(Unreachable("x"))  # type: ignore[method-assign]
    assert (
        ChainClient(Registry.DEFAULT.chain("local"), pool_of(Node("a", always("0x1")), dead)).chain_id()
        == 31337
    )
    with pytest.raises(Unreachable):
        ChainClient(Registry.DEFAULT.chain("local"), pool_of(dead)).chain_id()


def test_two_endpoints_must_agree(pool_of) -> None:
    a, b = Node("a", always("0x1")), Node("b", always("0x2"))
    pool = pool_of(a, b)
    with pytest.raises(NoQuorum):
        pool.quorum("key", ask, 5)
    b.answer = always("0x1")
    assert pool.quorum("key", ask, 5) == "0x1"
    b.answer = always(Unreachable("x"))
    with pytest.raises(NoQuorum):
        pool.quorum("key", ask, 6)


def test_two_of_three_suffice(pool_of) -> None:
    pool = pool_of(Node("a", always("0x1")), Node("b", always("0x2")), Node("c", always("0x1")))
    assert pool.quorum("key", ask, 5) == "0x1"


def test_one_endpoint_must_say_it_at_two_heads(pool_of) -> None:
    node = Node("a", always("0x1"))
    pool = pool_of(node)
    for _ in range(2):
        with pytest.raises(NoQuorum):
            pool.quorum("key", ask, 5)
    assert pool.quorum("key", ask, 6) == "0x1"
    node.answer = always("0x2")
    with pytest.raises(NoQuorum):
        pool.quorum("key", ask, 7)  # it changed its answer: the proof starts again
    assert pool.quorum("key", ask, 8) == "0x2"


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["0xhash", Unreachable("x")], "sent"),
        ([errors.AlreadyKnown("x"), "0xhash"], "sent"),
        ([errors.AlreadyKnown("x"), errors.NonceTooLow("x")], "known"),
        ([errors.NonceTooLow("x"), Unreachable("x")], "nonce_too_low"),
        ([errors.Underpriced("x"), errors.InsufficientFunds("x")], "insufficient_funds"),
        ([errors.IntrinsicGas("x"), Unreachable("x")], "ambiguous"),
        ([errors.IntrinsicGas("x"), errors.Oversized("x")], "unsendable"),
        ([Unreachable("x"), RateLimited("x")], "ambiguous"),
        ([errors.ExecutionReverted("x"), errors.MethodMissing("x")], "ambiguous"),
        ([None, {}], "ambiguous"),
    ],
)
def test_what_answers_mean_together(pool_of, answers, outcome) -> None:
    pool = pool_of(*(Node(str(number), always(answer)) for number, answer in enumerate(answers)))
    assert send_many(pool, [b"\1"])[0].outcome == outcome


def test_many_are_sent_in_order_to_each_endpoint(pool_of) -> None:
    seen: list[str] = []

    def answer(method: str, params: list[Any]) -> Any:
        seen.append(params[0])
        return errors.NonceTooLow("x") if params[0] == "0x00" else params[0]

    results = send_many(pool_of(Node("a", answer)), [bytes([n]) for n in range(250)])
    assert seen == [f"0x{n:02x}" for n in range(250)]
    assert [result.outcome for result in results] == ["nonce_too_low"] + ["sent"] * 249
    assert send_many(pool_of(Node("a", answer)), []) == []


def test_a_pool_without_endpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Pool([])


@pytest.mark.parametrize(("seconds", "healthy"), [(0.01, True), (5.0, False)])
def test_a_caller_without_time_does_not_make_an_endpoint_rest(
    pool_of, clock, seconds: float, healthy: bool
) -> None:
    """Anybody can set a deadline of some milliseconds: three such calls made healthy endpoints rest for all others."""

    def until_the_deadline(method: str, params: list[object]) -> object:
        clock.now += seconds
        return errors.OutOfTime("x")

    (endpoint,) = pool_of(Node("a", until_the_deadline)).endpoints
    for _ in range(5):
        with pytest.raises(Unreachable):
            endpoint.call("eth_getBalance", [])
    assert endpoint.healthy is healthy
