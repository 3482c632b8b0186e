"""Whose turn it is: accounts that may have nothing now cost nothing, and every account has turns in every process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared import resources
from shared.contracts.events import due_notices, run, turns
from shared.store.session import Session
from shared.store.tables.contract_events import FOLLOWED, FOLLOWED_WORK, FOLLOWS_FILLING, NOTICES
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


def test_announcements_of_an_account_do_not_wait_for_another(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: an account with so many followers of busy contracts that more becomes due than is announced, so that
    what others wait for, also deposits, was announced later and later."""
    monkeypatch.setattr(due_notices, "AT_ONCE", 2)
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 0)
    first, *_, last = chain.chain.addresses
    for number in range(40):
        chain.follow(f"ctr_a{number}", "usr_1", first, BLOCKS, announced=True)
    chain.follow("ctr_3", "usr_2", last, BLOCKS, announced=True)
    chain.passes(1)
    for _ in range(10):
        chain.emit(first)
    chain.emit(last)
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 1)
    for _ in range(2):
        chain.emit(first)
    waiting = [one for one in chain.notices() if not one.announced]
    assert {one.user_id for one in waiting} == {"usr_1"} and len(waiting) > 300


def test_notices_of_earlier_releases_are_announced(chain: LongChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name no account, so they have no turn: one of those that wait the longest is announced in any case."""
    monkeypatch.setattr(due_notices, "AT_ONCE", 2)
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 0)
    first = chain.chain.addresses[0]
    for number in range(40):
        chain.follow(f"ctr_a{number}", "usr_1", first, BLOCKS, announced=True)
    chain.passes(1)
    chain.emit(first)
    old = chain.notices()
    chain.database.write([NOTICES.update(None, replace(one, user_id=None)) for one in old])
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 1)
    for _ in range(6):
        chain.emit(first)
    hashes = {one.block_hash for one in old}
    assert all(one.announced for one in chain.notices() if one.block_hash in hashes)


def test_few_blocks_are_in_memory(chain: LongChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: follows with different confirmations, so that announcements from many large blocks are due at once.
    All events of these blocks were read for one commit."""
    reads: list[Any] = []
    real = MemoryDatabase.read
    first = chain.chain.addresses[0]
    for number in range(40):
        chain.follow(f"ctr_a{number}", "usr_1", first, BLOCKS, announced=True, confirmations=40 - number)
    chain.passes(1)
    monkeypatch.setattr(
        MemoryDatabase, "read", lambda self, *wanted: reads.extend(wanted) or real(self, *wanted)
    )
    for _ in range(42):
        chain.emit(first)
    blocks = [len(one.spans) for one in reads if one.table == "contract_events" and one.spans]
    assert blocks and max(blocks) <= due_notices.BLOCKS_AT_ONCE
    heights = {one.block_number for one in chain.notices() if not one.announced}
    assert min(heights) == BLOCKS + 3, "all that are due are announced"


def test_new_addresses_do_not_wait_for_those_of_another(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: factories that add thousands of contracts, with addresses that come first: what anybody else followed
    was not indexed before all of them were."""
    for number in range(60):
        chain.follow(f"ctr_a{number}", "usr_1", f"0x{number:040x}", BLOCKS)
    last = chain.chain.addresses[-1]
    chain.follow("ctr_3", "usr_2", last, BLOCKS)
    chain.passes(1)
    session = Session(chain.database.snapshot())
    known = session.one(FOLLOWED.get("local", last))
    assert known.live and known.work is None
    assert len(session.many(FOLLOWED_WORK.scan("local", "new"))) >= 58
    chain.passes(40)
    session = Session(chain.database.snapshot())
    assert session.many(FOLLOWED_WORK.scan("local", "new")) == []
    assert session.many(FOLLOWS_FILLING.scan("local", "new")) == []
