"""The long chain of the tests about fairness, and an index of it that fills one range of 4 blocks in a pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from shared.contracts.events import run

if TYPE_CHECKING:
    from tests.unit.contracts.long_chain import LongChain


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Iterator[LongChain]:
    from tests.unit.contracts.long_chain import LongChain

    made = LongChain(1)
    with made.stage(monkeypatch):
        monkeypatch.setattr(run, "FILLS", 1)
        made.begin()
        yield made
