"""Hints are bounded: the one that was set longest ago makes room."""

from __future__ import annotations

from shared.engine.process_hints import Recent


def test_what_was_set_longest_ago_makes_room() -> None:
    some: Recent[str, int] = Recent(2)
    some["a"], some["b"] = 1, 2
    some["a"] = 3
    some["c"] = 4
    assert dict(some) == {"a": 3, "c": 4}
    assert some.pop("a") == 3 and some.pop("b", None) is None


def test_it_never_holds_more() -> None:
    some: Recent[int, int] = Recent(10)
    for number in range(1_000):
        some[number] = number
        assert len(some) <= 10
    some.update(dict.fromkeys(range(50), 0))
    assert len(some) == 10
