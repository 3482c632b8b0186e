"""The same work for several items at once: order, context, and errors."""

from __future__ import annotations

import threading

import pytest

from shared.runtime.clock import SystemClock
from shared.runtime.context import Context, current, deadline_in, running
from shared.runtime.parallel import run_each


def test_results_are_in_the_order_of_the_items_although_the_work_overlaps() -> None:
    together = threading.Barrier(3, timeout=20)

    def work(item: int) -> int:
        together.wait()  # fails unless all three run at the same time
        return 10 * item

    assert run_each(work, [3, 1, 2], threads=3) == [30, 10, 20]


def test_each_thread_sees_the_running_operation() -> None:
    with running(Context("tick_chain", "req", deadline_in(5))):
        assert run_each(lambda _: current().operation, [1, 2], threads=2) == ["tick_chain"] * 2


@pytest.mark.parametrize("items", [[1], [1, 2]])
def test_an_error_is_raised_after_the_other_items_have_ended(items: list[int]) -> None:
    ended = []

    def work(item: int) -> None:
        ended.append(item)
        if item == 1:
            raise ValueError("the first item")

    with pytest.raises(ValueError, match="the first item"):
        run_each(work, items, threads=1)
    assert ended == items


def test_nothing_to_do_is_done_without_threads() -> None:
    assert run_each(lambda _: SystemClock().now(), [], threads=8) == []
