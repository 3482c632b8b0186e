"""Another holder of a wallet's key: the product does not use their nonces, and finds what took one of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.chain.errors import Lagging
from shared.engine.process_hints import hints
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, LANES
from tests.unit.engine.stepwise import StepwiseHistory


def test_a_nonce_that_the_chain_shows_as_used_is_not_given(history: StepwiseHistory) -> None:
    """The hint is faster than the tick: the lane's row does not know the other program's transactions yet."""
    history.attempt(history.foreigner)
    for _ in range(10):
        history.mine()
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.tick_through(15)
    assert (history.row(1).nonce, history.row(1).state) == (2, "confirmed")


def test_what_took_a_nonce_is_found_however_long_ago(history: StepwiseHistory) -> None:
    _taken_long_ago(history)
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"
    history.attempt(lambda: history.give_up(history.row(1)))
    assert (history.row(1).state, history.row(1).finalized) == ("rejected", True)


def test_a_node_without_old_states_still_shows_what_took_a_nonce(history: StepwiseHistory) -> None:
    for _ in range(300):
        history.mine()
    _taken_long_ago(history, blocks=40)
    _prune(history, keep=64)
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"


def test_a_height_is_not_asked_for_when_nodes_have_forgotten_it(history: StepwiseHistory) -> None:
    """This process began to look, and others have had the lease since."""
    hints().question_heights["count", history.row(0).lane_id] = 3
    for _ in range(300):
        history.mine()
    _taken_long_ago(history, blocks=40)
    hints().question_heights["nonce", history.row(1).id] = 3
    _prune(history, keep=64)
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"


def test_a_height_that_is_forgotten_only_has_the_question_asked_again(history: StepwiseHistory) -> None:
    """One endpoint must say the same at two heads, so it takes two more passes."""
    history.use(history.node)
    _taken_long_ago(history, blocks=10)
    history.tick_through(1)
    assert hints().question_heights, "something is asked"
    for _ in range(3):
        history.tick_through(1)
        hints().question_heights.clear()
    assert history.row(1).blocked_reason is None, "a new height each time proves nothing"
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"
    assert not hints().question_heights


def test_a_lane_goes_on_when_what_was_foreign_is_gone_after_all(history: StepwiseHistory) -> None:
    """The foreign transaction disappears although it was deeper than final, and the product's bytes are mined: no row
    is left that somebody could give up to unblock the lane."""
    before = list(history.node.blocks)
    _taken_long_ago(history, blocks=10)
    history.tick_through(10)
    assert history.row(1).blocked_reason == "FOREIGN_NONCE"
    history.node.blocks = before
    (attempt,) = Session(history.database.snapshot()).many(ATTEMPTS.scan(history.row(1).id))
    history.node.take(attempt.raw)
    history.tick_through(40)
    assert history.row(1).state == "confirmed"
    history.attempt(history.accept)
    history.tick_through(10)
    assert history.row(2).state == "confirmed"


def test_a_lane_stays_paused_while_another_of_its_nonces_is_foreign(history: StepwiseHistory) -> None:
    """Its owner may still not know that somebody else has the key: each loss is decided on its own."""
    _taken_long_ago(history, blocks=10, taken=2)
    history.tick_through(10)
    assert [history.row(number).blocked_reason for number in (1, 2)] == ["FOREIGN_NONCE"] * 2
    history.attempt(lambda: history.give_up(history.row(1)))
    assert history.row(1).state == "rejected"
    assert _paused(history) == "FOREIGN_NONCE"
    history.tick_through(2)
    assert _paused(history) == "FOREIGN_NONCE"
    history.attempt(lambda: history.give_up(history.row(2)))
    assert (history.row(2).state, _paused(history)) == ("rejected", None)


def test_a_foreign_nonce_pauses_a_lane_that_lacks_funds(history: StepwiseHistory) -> None:
    """Coins alone would let it go on, while nobody has decided about the other holder of its key."""
    history.use(history.node)  # which must say the same at two heads
    _taken_long_ago(history, blocks=10, given=2)
    history.attempt(history.empty)
    history.clock.moment += timedelta(seconds=3)  # the bytes are sent again
    history.tick_through(1)
    assert _paused(history) == "FUNDS_BLOCKED"
    history.tick_through(10)
    reasons = [history.row(number).blocked_reason for number in (1, 2)]
    assert (reasons, _paused(history)) == (["FOREIGN_NONCE", "FUNDS_BLOCKED"], "FOREIGN_NONCE")
    history.attempt(history.top_up)
    history.tick_through(20)
    assert (history.row(2).state, _paused(history)) == ("confirmed", "FOREIGN_NONCE")
    history.use(history.node, history.mirror)
    history.attempt(lambda: history.give_up(history.row(1)))
    assert _paused(history) is None


def _paused(history: StepwiseHistory) -> str | None:
    (lane,) = Session(history.database.snapshot()).many(LANES.scan())
    return lane.paused_reason


def _taken_long_ago(
    history: StepwiseHistory, blocks: int = 400, taken: int = 1, given: int | None = None
) -> None:
    """The product's transactions (`given`, else as many as were taken) get the nonces from a node that lags by the age
    of the other's transactions."""
    given = given or taken
    stale = list(history.node.blocks)
    for _ in range(taken):
        history.attempt(history.foreigner)
        history.mine()
    for _ in range(blocks - taken):
        history.mine()
    newest, history.node.blocks = history.node.blocks, stale
    for _ in range(given):
        history.attempt(history.accept)
    history.attempt(history.hint)
    history.node.blocks = newest
    history.node.pool.clear()
    assert [history.row(place).nonce for place in range(1, given + 1)] == list(range(1, given + 1))


def _prune(history: StepwiseHistory, keep: int) -> None:
    """Drop states older than `keep` blocks, like nodes that are no archives; blocks stay."""
    real: Any = history.node.state_at

    def state(ref: str) -> Any:
        found = real(ref)
        if found.number < history.node.blocks[-1].number - keep:
            raise Lagging("missing trie node")
        return found

    history.node.state_at = state  # type: ignore[method-assign]
