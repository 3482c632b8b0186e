"""Somebody else who holds a wallet's key: their nonces are not taken, and what took one of ours is found."""

from __future__ import annotations

from typing import Any

from shared.chain.errors import Lagging
from shared.engine.process_hints import hints
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS
from tests.unit.engine.calm import Calm


def test_a_nonce_that_the_chain_shows_as_used_is_not_given(calm: Calm) -> None:
    """The hint is faster than the tick: the lane's row does not know yet what was sent from elsewhere."""
    calm.attempt(calm.foreigner)
    for _ in range(10):
        calm.mine()
    calm.attempt(calm.accept)
    calm.attempt(calm.hint)
    calm.tick_through(15)
    assert (calm.row(1).nonce, calm.row(1).state) == (2, "confirmed")


def test_what_took_a_nonce_is_found_however_long_ago(calm: Calm) -> None:
    _taken_long_ago(calm)
    calm.tick_through(10)
    assert calm.row(1).blocked_reason == "FOREIGN_NONCE"
    calm.attempt(lambda: calm.give_up(calm.row(1)))
    assert (calm.row(1).state, calm.row(1).finalized) == ("rejected", True)


def test_a_node_without_old_states_still_shows_what_took_a_nonce(calm: Calm) -> None:
    for _ in range(300):
        calm.mine()
    _taken_long_ago(calm, blocks=40)
    _prune(calm, keep=64)
    calm.tick_through(10)
    assert calm.row(1).blocked_reason == "FOREIGN_NONCE"


def test_a_height_is_not_asked_for_when_nodes_have_forgotten_it(calm: Calm) -> None:
    """This process began to look, and others had the lease since."""
    hints().question_heights["count", calm.row(0).lane_id] = 3
    for _ in range(300):
        calm.mine()
    _taken_long_ago(calm, blocks=40)
    hints().question_heights["nonce", calm.row(1).id] = 3
    _prune(calm, keep=64)
    calm.tick_through(10)
    assert calm.row(1).blocked_reason == "FOREIGN_NONCE"


def test_a_height_that_is_forgotten_only_has_the_question_asked_again(calm: Calm) -> None:
    """One endpoint must say the same at two heads, so it takes two passes more."""
    calm.use(calm.node)
    _taken_long_ago(calm, blocks=10)
    calm.tick_through(1)
    assert hints().question_heights, "something is asked"
    for _ in range(3):
        calm.tick_through(1)
        hints().question_heights.clear()
    assert calm.row(1).blocked_reason is None, "a new height each time proves nothing"
    calm.tick_through(10)
    assert calm.row(1).blocked_reason == "FOREIGN_NONCE"
    assert not hints().question_heights


def test_a_lane_goes_on_when_what_was_foreign_is_gone_after_all(calm: Calm) -> None:
    """Deeper than final, and our bytes are mined: no row is left whose giving up would let the lane go on."""
    before = list(calm.node.blocks)
    _taken_long_ago(calm, blocks=10)
    calm.tick_through(10)
    assert calm.row(1).blocked_reason == "FOREIGN_NONCE"
    calm.node.blocks = before
    (attempt,) = Session(calm.database.snapshot()).one(ATTEMPTS.scan(calm.row(1).id))
    calm.node.take(attempt.raw)
    calm.tick_through(40)
    assert calm.row(1).state == "confirmed"
    calm.attempt(calm.accept)
    calm.tick_through(10)
    assert calm.row(2).state == "confirmed"


def _taken_long_ago(calm: Calm, blocks: int = 400) -> None:
    """Ours gets the nonce from a node that is as far behind as the other's transaction is old."""
    stale = list(calm.node.blocks)
    calm.attempt(calm.foreigner)
    for _ in range(blocks):
        calm.mine()
    newest, calm.node.blocks = calm.node.blocks, stale
    calm.attempt(calm.accept)
    calm.attempt(calm.hint)
    calm.node.blocks = newest
    calm.node.pool.clear()
    assert calm.row(1).nonce == 1


def _prune(calm: Calm, keep: int) -> None:
    """States older than `keep` blocks are gone, as on nodes that are no archives; blocks stay."""
    real: Any = calm.node.state_at

    def state(ref: str) -> Any:
        found = real(ref)
        if found.number < calm.node.blocks[-1].number - keep:
            raise Lagging("missing trie node")
        return found

    calm.node.state_at = state  # type: ignore[method-assign]
