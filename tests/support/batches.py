"""A double of a node that answers a single call like a batch of one."""

from __future__ import annotations

from typing import Any


class Batches:
    """`Rpc` of a class that has `batch`."""

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        raise NotImplementedError

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        (answer,) = self.batch([(method, params)])
        if isinstance(answer, Exception):
            raise answer
        return answer
