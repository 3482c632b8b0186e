"""A process's memory is limited and belongs to the composition root; one run at a time works on a name."""

from __future__ import annotations

import pytest

from shared import resources
from shared.engine.process_hints import BoundedCache, Coalescer, hints


def test_what_was_set_longest_ago_makes_room() -> None:
    some: BoundedCache[str, int] = BoundedCache(2)
    some["a"], some["b"] = 1, 2
    some["a"] = 3
    some["c"] = 4
    assert dict(some) == {"a": 3, "c": 4}
    assert some.pop("a") == 3 and some.pop("b", None) is None


def test_a_bounded_cache_never_exceeds_its_size() -> None:
    some: BoundedCache[int, int] = BoundedCache(10)
    for number in range(1_000):
        some[number] = number
        assert len(some) <= 10
    some.update(dict.fromkeys(range(50), 0))
    assert len(some) == 10


def test_who_comes_during_a_run_makes_it_repeat_its_work() -> None:
    coalescer, seen = Coalescer(), []

    def work() -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            coalescer.run("lane", lambda: seen.append(-1))  # somebody else, meanwhile

    coalescer.run("lane", work)
    assert seen == [0, 1]
    with pytest.raises(ZeroDivisionError):
        coalescer.run("lane", lambda: 1 // 0)
    coalescer.run("lane", work)
    assert len(seen) == 3


def test_a_run_of_limited_length_ends_although_somebody_comes_during_each_repetition() -> None:
    """Otherwise a busy lane would hold up its bucket's visit, and the whole pass with it."""
    coalescer, seen = Coalescer(), []

    def work() -> None:
        seen.append(len(seen))
        assert len(seen) < 1_000, "it never ends"
        coalescer.run("lane", work)

    coalescer.run("lane", work, most=3)
    assert len(seen) == 3
    coalescer.run("lane", work, most=2)
    assert len(seen) == 5, "the next one begins anew"


def test_a_process_that_starts_anew_remembers_nothing() -> None:
    with resources.override(fresh=True):
        hints().next_lanes["local", 0] = "local:0x1"
        assert hints().next_lanes == {("local", 0): "local:0x1"}
        resources.reset("EngineHints")
        assert not hints().next_lanes
