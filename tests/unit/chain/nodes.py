"""Endpoints that answer with a function, and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.chain.errors import ChainError

Answer = Callable[[str, list[Any]], Any]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Node:
    """An Rpc that answers with a function; an exception that the function returns or raises is the node's failure."""

    def __init__(self, name: str, answer: Answer, chain_id: int = 31337) -> None:
        self.name, self.answer, self.chain_id = name, answer, chain_id
        self.asked: list[str] = []
        self.exchanges = 0

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        self.asked.append(method)
        self.exchanges += 1
        result = self.answer(method, params)
        if isinstance(result, ChainError):
            raise result
        return result

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        self.exchanges += 1
        self.asked += [method for method, _ in calls]
        return [self.answer(method, params) for method, params in calls]

    def close(self) -> None:
        pass


def always(result: Any) -> Answer:
    return lambda method, params: result
