"""Whose turn it is: accounts that may have nothing now cost nothing, and every account has turns in every process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared import resources
from shared.contracts.events import run, turns
from tests.model.store import MemoryDatabase
from tests.support.recorded_reads import rows_with
from tests.unit.contracts.long_chain import BLOCKS, LongChain


def test_an_account_whose_budget_is_spent_has_no_turns(
    chain: LongChain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attack: many accounts that have spent theirs used up the turns of the others, at a read or two for each."""
    first, *_, last = chain.chain.addresses
    settings = replace(resources.settings(), rate_limits={turns.LIMIT: 4})
    with resources.override(settings=settings, limiter=None):
        chain.follow("ctr_0", "usr_1", first, 0)
        chain.passes(30)
        assert chain.missing(first, 0) > 0
        reads: list[Any] = []
        real = MemoryDatabase.read
        monkeypatch.setattr(
            MemoryDatabase, "read", lambda self, *wanted: reads.extend(wanted) or real(self, *wanted)
        )
        chain.passes(5)
        assert rows_with(reads, "follows", "filled_to") == 0
        chain.follow("ctr_3", "usr_2", last, BLOCKS - 8)
        monkeypatch.setattr(run, "FILLS", 2)
        chain.passes(1)
        assert chain.missing(last, BLOCKS - 8) == 0


def test_accounts_have_turns_also_where_processes_end_after_one(chain: LongChain) -> None:
    """Each process began with the account that comes first: those behind had no turn before it had everything."""
    first, *_, last = chain.chain.addresses
    chain.follow("ctr_0", "usr_" + "b" * 24, first, 0)
    chain.follow("ctr_3", "usr_" + "n" * 24, last, BLOCKS - 8)
    for _ in range(30):
        with resources.override(Turns=turns.Turns()):
            chain.passes(1)
    assert chain.missing(last, BLOCKS - 8) == 0
    assert chain.missing(first, 0) > 0
