"""A transaction's first wave of reads: even if the begin fails, no read waits for it in vain."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from google.api_core.exceptions import Aborted

from shared.store.port import Read
from shared.store.spanner.database import SpannerTransaction
from shared.store.spanner.read_waves import ReadWaves

READS = tuple(Read(name, ("id",), keys=(("1",),)) for name in ("users", "wallets", "policies"))


class Inner:
    """Google's transaction: until one read has begun it, others wait for 30 s."""

    def __init__(self, begin: Exception | None = None) -> None:
        self.begin, self.begun, self.asked = begin, threading.Event(), []

    def read(self, table: str, *_: Any, **__: Any) -> list[list[str]]:
        self.asked.append(table)
        if len(self.asked) == 1:
            if self.begin is not None:
                raise self.begin
            self.begun.set()
        assert self.begun.is_set(), f"{table} waits for the begin"
        return [["1"]]


def test_nothing_follows_a_begin_that_was_aborted() -> None:
    inner = Inner(Aborted("somebody else's turn"))  # type: ignore[no-untyped-call]
    with pytest.raises(Aborted):
        SpannerTransaction(inner, ReadWaves()).read(*READS)
    assert inner.asked == ["users"]


def test_the_rest_of_the_wave_follows_the_first_read() -> None:
    inner = Inner()
    assert SpannerTransaction(inner, ReadWaves()).read(*READS) == [[{"id": "1"}]] * 3
    assert inner.asked[0] == "users" and sorted(inner.asked[1:]) == ["policies", "wallets"]
