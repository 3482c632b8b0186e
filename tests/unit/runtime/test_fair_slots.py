"""Costly calls take turns by the name of who makes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.runtime.errors import Unready
from shared.runtime.fair_slots import FairSlots

NEVER = 30.0  # seconds; no test waits for it


class Calls:
    """Calls that hold a slot until they may end."""

    def __init__(self, slots: FairSlots, threads: ThreadPoolExecutor) -> None:
        self.slots, self.threads = slots, threads
        self.begun: list[str] = []
        self.one_more = threading.Semaphore(0)

    def start(self, name: str, ends: threading.Event) -> Future[None]:
        def held() -> None:
            with self.slots.held(name):
                self.begun.append(name)
                self.one_more.release()
                assert ends.wait(NEVER)

        return self.threads.submit(held)

    def running(self, name: str) -> threading.Event:
        """Start a call that gets a slot at once; the event ends it."""
        ends = threading.Event()
        self.start(name, ends)
        assert self.one_more.acquire(timeout=NEVER)
        return ends


@pytest.fixture
def calls() -> Callable[..., Calls]:
    def made(*arguments: float, threads: ThreadPoolExecutor, **more: int) -> Calls:
        slots, waiting, seconds = arguments
        return Calls(FairSlots(int(slots), int(waiting), seconds, Unready, **more), threads)

    return made


def test_a_slot_is_waited_for_and_refused_in_time(calls: Callable[..., Calls]) -> None:
    with ThreadPoolExecutor(4) as threads:
        some = calls(1, 1, 0.05, threads=threads)
        ends = some.running("a")
        with pytest.raises(Unready), some.slots.held("b"):
            pass
        ends.set()
        some.running("b").set()


def test_one_name_holds_only_its_part(calls: Callable[..., Calls]) -> None:
    with ThreadPoolExecutor(8) as threads:
        some = calls(3, 2, 0.05, threads=threads, of_one=2)
        held = [some.running("greedy") for _ in range(2)]
        with pytest.raises(Unready), some.slots.held("greedy"):
            pass
        held.append(some.running("modest"))
        for one in held:
            one.set()


def test_a_newcomer_takes_the_place_of_who_has_most(calls: Callable[..., Calls]) -> None:
    with ThreadPoolExecutor(8) as threads:
        some = calls(1, 1, NEVER, threads=threads)
        first, second = some.running("greedy"), threading.Event()
        waiting = some.start("greedy", second)
        while not some.slots._waiting:
            threading.Event().wait(0.001)
        newcomer = some.start("modest", second)
        with pytest.raises(Unready):
            waiting.result(NEVER)
        first.set()
        assert some.one_more.acquire(timeout=NEVER) and some.begun == ["greedy", "modest"]
        second.set()
        newcomer.result(NEVER)
