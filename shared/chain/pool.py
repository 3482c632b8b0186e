"""The endpoints of one chain together: reads go to the best, broadcasts to all, and evidence needs a quorum."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from shared.chain.endpoints import Endpoint
from shared.chain.errors import (
    ChainError,
    Lagging,
    MethodMissing,
    NodeError,
    NoQuorum,
    RateLimited,
    Unreachable,
)
from shared.chain.rpc import Call

T = TypeVar("T")
Ask = Callable[[Endpoint], T]

_CLOSE: Final = 3  # blocks by which the heights of two endpoints may differ without others being asked
_REMEMBERED: Final = 10_000  # answers kept for comparison at a later head


class Pool:
    """The endpoints of a chain; safe for threads. With one endpoint, a quorum is two equal answers at different heads.
    Requests to all endpoints are sequential unless `parallel`."""

    def __init__(self, endpoints: Sequence[Endpoint], *, parallel: bool = True) -> None:
        if not endpoints:
            raise ValueError("a chain needs at least one RPC endpoint")
        self.endpoints = tuple(endpoints)
        self._seen: OrderedDict[object, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = (
            ThreadPoolExecutor(max_workers=4 * len(endpoints), thread_name_prefix="rpc")
            if parallel and len(endpoints) > 1
            else None
        )

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True)
        for endpoint in self.endpoints:
            endpoint.rpc.close()

    @property
    def needed(self) -> int:
        return min(2, len(self.endpoints))

    def ranked(self) -> list[Endpoint]:
        """The endpoints, healthy ones first, best first; resting ones stay as the last resort. A head that only one
        endpoint has seen does not make the others late."""
        best = sorted((endpoint.head for endpoint in self.endpoints), reverse=True)[self.needed - 1]
        return sorted(self.endpoints, key=lambda one: (not one.healthy, one.cost(best)))

    def read(self, ask: Ask[T]) -> T:
        """The answer of the best endpoint that answers. Raises the last failure if none does.

        Tries the next endpoint after Unreachable, RateLimited, Lagging and MethodMissing; any other answer is final."""
        failure: ChainError = Unreachable("no endpoint")
        for endpoint in self.ranked():
            try:
                return ask(endpoint)
            except (Unreachable, RateLimited, Lagging, MethodMissing) as error:
                failure = error
        raise failure

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several reads from one endpoint, in one exchange; the first error is raised like that of a
        single read."""

        def ask(endpoint: Endpoint) -> list[Any]:
            return [result_or_raise(answer) for answer in endpoint.batch(calls)]

        return self.read(ask)

    def each(self, calls: Sequence[Call], parse: Callable[[Any], T | None]) -> list[T | None]:
        """The results of several reads in one exchange, each of which may fail alone: None for an error and for
        garbage."""

        def one(answer: Any) -> T | None:
            try:
                return None if isinstance(answer, ChainError) else parse(answer)
            except Unreachable:
                return None

        return [
            one(answer) for answer in (self.read(lambda endpoint: endpoint.batch(calls)) if calls else ())
        ]

    def ceiling(self, head_of: Ask[int], block_seconds: float) -> int | None:
        """The greatest height that a quorum can have reached by now; a single endpoint that reports more is wrong. All
        endpoints are asked once a minute, and heights in between are estimated. None with one endpoint, and if too few
        answer."""
        if self.needed == 1:
            return None
        heads = [one.head_by_now(block_seconds) for one in self.endpoints]
        if sum(head is not None for head in heads) < self.needed:
            self.broadcast(head_of)
            heads = [one.head_by_now(block_seconds) for one in self.endpoints]
        known = sorted((head for head in heads if head is not None), reverse=True)
        return known[self.needed - 1] if len(known) >= self.needed else None

    def broadcast(self, ask: Ask[T]) -> list[T | ChainError]:
        """The answers of every healthy endpoint (of all, if none is healthy); failures in place of answers."""
        targets = [one for one in self.endpoints if one.healthy] or list(self.endpoints)

        def one(endpoint: Endpoint) -> T | ChainError:
            try:
                return ask(endpoint)
            except ChainError as error:
                return error

        if self._threads is None or len(targets) == 1:
            return [one(endpoint) for endpoint in targets]
        return list(self._threads.map(one, targets))

    def quorum(self, key: object | Callable[[T], object], ask: Ask[T], head: int) -> T:
        """An answer that two endpoints give, or one endpoint at two heads (`head` is the caller's newest).

        `key` identifies the question; it may be a function of the answer. Answers must be comparable and must not
        contain anything that differs between nodes. Raises NoQuorum if endpoints have not answered yet or contradict
        each other; try again at a later head."""
        if len(self.endpoints) == 1:
            answer = ask(self.endpoints[0])
            return self._twice(key(answer) if callable(key) else key, answer, head)
        answers: list[T] = []
        for endpoint in self._witnesses():
            try:
                answer = ask(endpoint)
            except (Unreachable, RateLimited, NodeError):
                continue
            if answers.count(answer) + 1 >= self.needed:
                return answer
            answers.append(answer)
        raise NoQuorum(f"{len(answers)} of {self.needed} endpoints answered, none agreed")

    def quorum_each(self, keys: Sequence[object], ask: Ask[Sequence[T | None]], head: int) -> list[T | None]:
        """`quorum` for several questions in one exchange; None if there is no quorum, or as the answer."""
        if len(self.endpoints) == 1:
            return [
                self._seen_twice(key, one, head)
                for key, one in zip(keys, ask(self.endpoints[0]), strict=True)
            ]
        agreed: list[T | None] = [None] * len(keys)
        answers: list[list[T]] = [[] for _ in keys]
        for endpoint in self._witnesses():
            try:
                found = ask(endpoint)
            except (Unreachable, RateLimited, NodeError):
                continue
            for at, one in enumerate(found):
                if one is not None:
                    agreed[at] = (
                        one
                        if answers[at].count(one) + 1 >= self.needed and agreed[at] is None
                        else agreed[at]
                    )
                    answers[at].append(one)
            if None not in agreed:
                break
        return agreed

    def _seen_twice(self, key: object, answer: T | None, head: int) -> T | None:
        try:
            return None if answer is None else self._twice(key, answer, head)
        except NoQuorum:
            return None

    def _witnesses(self) -> list[Endpoint]:
        """The endpoints that are asked for evidence. Resting ones are left out: they may be slow, and proofs can wait.

        Raises NoQuorum at once if too few are left."""
        healthy = [endpoint for endpoint in self.ranked() if endpoint.healthy]
        if len(healthy) < self.needed:
            raise NoQuorum(f"{len(healthy)} of {self.needed} endpoints are healthy")
        return healthy

    def reached(self, ask: Ask[int]) -> int:
        """The greatest height that a quorum of endpoints has reached; -1 if too few show any. Two that are close are
        enough; otherwise all are asked, so that one that stands still or makes up its height does not decide. Raises
        NoQuorum."""
        heights: list[int] = []
        for endpoint in self._witnesses():
            try:
                heights.append(ask(endpoint))
            except (Unreachable, RateLimited, NodeError):
                continue
            best = sorted(heights, reverse=True)[: self.needed]
            if len(best) == self.needed and best[-1] >= max(0, best[0] - _CLOSE):
                return best[-1]
        if len(heights) >= self.needed:
            return sorted(heights, reverse=True)[self.needed - 1]
        raise NoQuorum(f"{len(heights)} of {self.needed} endpoints answered")

    def _twice(self, key: object, answer: T, head: int) -> T:
        with self._lock:
            earlier = self._seen.get(key)
            if earlier is not None and earlier[0] == answer:
                if earlier[1] < head:
                    return answer
            else:
                self._seen[key] = (answer, head)
                self._seen.move_to_end(key)
                if len(self._seen) > _REMEMBERED:
                    self._seen.popitem(last=False)
        raise NoQuorum("one endpoint, seen at one head only")


def result_or_raise(answer: Any) -> Any:
    """The result of one call of a batch, or raise its error."""
    if isinstance(answer, ChainError):
        raise answer
    return answer
