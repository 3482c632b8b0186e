"""Places of readers: whoever has fewer gets one from whoever has the most."""

from __future__ import annotations

import pytest

from shared.feed import readers
from shared.feed.readers import Places, TooManyStreams
from shared.runtime.errors import Unready


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Places:
    """Four users with two places each."""
    monkeypatch.setattr(readers, "SHORTEST_SECONDS", 0.0)
    places = Places(8, 2)
    for user in "abcd":
        places.enter(user), places.enter(user)
    return places


def asked(places: Places) -> list[str]:
    return [one.user_id for one in places._held if one.wanted.is_set()]


def test_a_user_without_a_place_gets_one_of_those_with_most(full: Places) -> None:
    full.enter("e")
    assert asked(full) == ["a"]
    full.enter("f")
    assert asked(full) == ["a", "b"], "the second place of a stays"


def test_readers_that_do_not_leave_are_few(full: Places) -> None:
    full.enter("e"), full.enter("f")
    with pytest.raises(Unready):
        full.enter("g")
    assert full.count == 10
    for one in [one for one in full._held if one.wanted.is_set()]:
        full.leave(one), full.leave(one)
    full.enter("g")
    assert full.count == 9 and asked(full) == ["c"]


def test_nobody_gets_a_second_place_from_a_user_with_one() -> None:
    places = Places(2, 2)
    places.enter("a"), places.enter("b")
    with pytest.raises(Unready):
        places.enter("a")


def test_a_user_never_has_more_than_their_share(full: Places) -> None:
    with pytest.raises(TooManyStreams):
        full.enter("a")


def test_the_first_seconds_are_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(1, 1)
    held = places.enter("a")
    with pytest.raises(Unready):
        places.enter("b")
    monkeypatch.setattr(readers, "SHORTEST_SECONDS", 0.0)
    places.enter("b")
    assert held.wanted.is_set()


def test_a_place_that_became_free_needs_nobody_to_leave(full: Places) -> None:
    full.enter("e")
    staying = next(one for one in full._held if one.user_id == "d")
    full.leave(staying)
    full.enter("f")
    assert asked(full) == ["a"]
