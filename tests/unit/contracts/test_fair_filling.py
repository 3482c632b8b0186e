"""Accounts have turns when earlier blocks are filled in: however much one of them follows, another's follow is filled
after a few turns. What an account may follow and have filled in is bounded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared import resources
from shared.contracts.events import addresses, due_notices, factories, following, notices, run, turns
from shared.domain.contracts import contracts as contract_rules
from shared.domain.contracts import follows as follow_rules
from shared.domain.contracts.follows import TooManyAnnounced, TooManyFollows
from shared.domain.permissions import Caller
from shared.keys.addresses import checksummed
from shared.runtime.context import current
from shared.runtime.errors import Unready
from shared.settings import load
from shared.store.session import Session
from shared.store.tables.contract_events import (
    CHAIN_INDEXES,
    FOLLOWED,
    FOLLOWS,
    NOTICES,
    follows_of,
    unfollow,
)
from shared.store.tables.contracts import CONTRACTS
from shared.writes.commit import commit
from tests.model.store import MemoryDatabase
from tests.support.recorded_reads import rows_with
from tests.unit.contracts.index_histories import E_ABI, FACTORY, FACTORY_ABI, NOW
from tests.unit.contracts.log_chain import ModelBlock, digest
from tests.unit.contracts.long_chain import BLOCKS, TOPIC, LongChain


@pytest.mark.parametrize("shared", [False, True], ids=["another contract", "the same contract"])
def test_no_account_waits_for_another(chain: LongChain, shared: bool) -> None:
    """The attack: contracts that are followed from block 0 were all filled before later blocks of any other."""
    first, *_, last = chain.chain.addresses
    chain.follow("ctr_0", "usr_1", last if shared else first, 0)
    chain.passes(3)  # it is under way
    since = BLOCKS - 8
    chain.follow("ctr_3", "usr_2", last, since)
    chain.passes(8)  # four turns each; two would do
    assert chain.missing(last, since) == 0
    assert chain.missing(last if shared else first, 0) > 0, "the attacker's own was filled"


def test_nobody_begins_anothers_filling_again(chain: LongChain) -> None:
    """The attack: a factory's rule that changes made the address begin again at block 0, for all of its followers."""
    chain.follow("ctr_3", "usr_2", FACTORY, BLOCKS - 40)
    for number in range(24):
        rule = (f"Made{number}(address)", "made", E_ABI)
        chain.follow("ctr_f", "usr_1", FACTORY, 0, factory=rule)
        chain.passes(1)
    known = Session(chain.database.snapshot()).one(FOLLOWS.get("ctr_3"))
    assert known.work is None and known.missing == 0


def test_a_failed_filling_is_tried_again_while_others_are_filled(chain: LongChain) -> None:
    last = chain.chain.addresses[-1]
    chain.follow("ctr_3", "usr_2", last, BLOCKS - 8)
    chain.passes(1)
    known = Session(chain.database.snapshot()).one(FOLLOWS.get("ctr_3"))
    chain.database.write([FOLLOWS.update(None, follow_rules.filling_failed(known, "pruned"))])
    chain.follow("ctr_0", "usr_1", chain.chain.addresses[0], 0)
    chain.passes(4)
    assert chain.missing(last, BLOCKS - 8) == 0
    assert chain.missing(chain.chain.addresses[0], 0) > 0


def test_an_account_has_a_budget_of_events_in_an_hour(chain: LongChain) -> None:
    settings = replace(resources.settings(), rate_limits={turns.LIMIT: 10})
    with resources.override(settings=settings, limiter=None):
        chain.follow("ctr_0", "usr_1", chain.chain.addresses[0], 0)
        chain.follow("ctr_3", "usr_2", chain.chain.addresses[3], BLOCKS - 8)
        chain.passes(80)
        first = len(chain.chain.logs_of(chain.chain.addresses[0])) - chain.missing(
            chain.chain.addresses[0], 0
        )
        assert 10 <= first <= 12, "what the last range has may exceed it"
        assert chain.missing(chain.chain.addresses[3], BLOCKS - 8) == 0


def announced(chain: LongChain) -> None:
    """The factory announces its three children in the next block."""
    last = chain.chain.blocks[-1]
    logs = tuple((FACTORY, "0x" + one[2:].rjust(64, "0")) for one in chain.chain.children)
    chain.chain.blocks.append(ModelBlock(last.number + 1, digest(last.hash, logs), last.hash, logs, ()))
    chain.passes(2)


def test_a_factory_adds_no_more_contracts_than_an_account_may_have(chain: LongChain) -> None:
    """The attack: contracts stay when their follows end, so a factory could add more and more of them."""
    settings = replace(resources.settings(), account_limits={"follows": 2_000, "contracts": 3 + 2})
    with resources.override(settings=settings):
        chain.follow("ctr_f", "usr_1", FACTORY, BLOCKS, factory=("Made(address)", "made", E_ABI))
        chain.passes(1)
        announced(chain)
        own = [
            one for one in Session(chain.database.snapshot()).many(CONTRACTS.scan()) if one.user_id == "usr_1"
        ]
        assert len(own) == 3 + 2


@pytest.mark.parametrize("ends_after", [0, 1, 2, 9], ids=str)
def test_many_may_follow_a_new_address(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch, ends_after: int
) -> None:
    """The attack: thousands of accounts follow a contract that nobody has followed before. A commit with all of their
    follows would be refused, and the index would not get beyond it."""
    monkeypatch.setattr(addresses, "FOLLOWS_AT_ONCE", 2)
    address, since, commits = chain.chain.addresses[3], BLOCKS - 8, list[int]()
    for number in range(5):
        chain.follow(f"ctr_x{number}", f"usr_{number}", address, since)
    real = chain.database._commit

    def commit_one(writes: Any) -> Any:
        if len(commits) == ends_after:
            commits.append(0)
            raise Unready
        commits.append(sum(write.table == FOLLOWS.name for write in writes))
        return real(writes)

    monkeypatch.setattr(chain.database, "_commit", commit_one)
    for _ in range(2):  # the first one may end at any commit
        with contextlib.suppress(Unready):
            chain.passes(10)
    assert 0 < max(commits) <= 2
    follows = Session(chain.database.snapshot()).many(FOLLOWS.scan())
    assert [(one.fill_until, one.work) for one in follows] == [(BLOCKS - 1, None)] * 5
    assert chain.missing(address, since) == 0


def test_contracts_that_a_factory_adds_count(chain: LongChain) -> None:
    settings = replace(resources.settings(), account_limits={"follows": 3, "contracts": 2_500})
    with resources.override(settings=settings):
        chain.follow("ctr_f", "usr_1", FACTORY, BLOCKS, factory=("Made(address)", "made", E_ABI))
        chain.passes(1)
        announced(chain)
        rows = Session(chain.database.snapshot()).many(FOLLOWS.scan())
        assert len(rows) == 3 and len(chain.chain.children) == 3
        with pytest.raises(TooManyFollows) as refused:
            chain.follow("ctr_0", "usr_1", chain.chain.addresses[0], 0)
        assert refused.value.data["limit"] == 3
        chain.follow("ctr_2", "usr_2", chain.chain.addresses[0], 0)
    assert factories.MAX_CHILDREN > 3


def add_factory(chain: LongChain, number: int) -> None:
    """The contract `ctr_f<number>` of the user `usr_<number>`, at the factory's address."""
    made = contract_rules.new_contract(
        contract_id=f"ctr_f{number}", user_id=f"usr_{number}", name="c", chain="local", kind="custom",
        abi=FACTORY_ABI, address=checksummed(bytes.fromhex(FACTORY[2:])), now=NOW,
    )  # fmt: skip
    chain.database.write([CONTRACTS.write("insert", made)])


def test_factories_are_not_all_in_memory(chain: LongChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a block in which hundreds of factories with ABIs of a megabyte emit an event, or announce contracts
    with such ABIs. The index of a chain read all of them at once, died of it, and began again with the same block."""
    reads: list[Any] = []
    real = MemoryDatabase.read
    monkeypatch.setattr(
        MemoryDatabase, "read", lambda self, *wanted: reads.extend(wanted) or real(self, *wanted)
    )
    rule = ("Made(address)", "made", E_ABI)
    for number in range(20):
        add_factory(chain, number)
        chain.follow(f"ctr_f{number}", f"usr_{number}", FACTORY, BLOCKS, factory=rule)
    chain.passes(1)
    child = (FACTORY, "0x" + chain.chain.children[0][2:].rjust(64, "0"))
    for _ in range(2):  # at first nobody knows the contract
        last = chain.chain.blocks[-1]
        number = last.number + 1
        chain.chain.blocks.append(ModelBlock(number, digest(last.hash, child), last.hash, (child,), ()))
        chain.passes(1)
    assert len(Session(chain.database.snapshot()).many(CONTRACTS.scan())) == 5 + 20 + 20
    assert 0 < rows_with(reads, "contracts", "abi") <= factories.FACTORIES_AT_ONCE


@pytest.mark.parametrize("kind", ["announced", "factory"])
def test_free_accounts_do_not_take_all_places_of_an_address(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The attack: twenty free accounts use an address as a factory, or a hundred get its events, and no customer can
    any more."""
    monkeypatch.setattr(following, "MAX_ANNOUNCED", 6)
    monkeypatch.setattr(following, "MAX_FACTORIES", 6)

    def follow(number: int, tier: str) -> None:
        known, user = f"ctr_f{number}", f"usr_{number}"
        monkeypatch.setattr(current(), "caller", Caller(user, tier=tier))
        rule = ("Made(address)", "made", E_ABI) if kind == "factory" else None
        chain.follow(known, user, FACTORY, BLOCKS, factory=rule, announced=kind == "announced")

    for number in range(3):
        follow(number, "basic")
    with pytest.raises(TooManyFollows if kind == "factory" else TooManyAnnounced) as refused:
        follow(3, "basic")
    assert refused.value.data["limit"] == 3
    for number in range(3, 6):
        follow(number, "premium")
    with pytest.raises(TooManyFollows if kind == "factory" else TooManyAnnounced):
        follow(6, "premium")


def test_new_blocks_do_not_wait_for_announcements(chain: LongChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: so many followers of busy contracts that a block's announcements take longer than a block. The index
    announced all of them before it looked at the next block, and fell behind for everybody."""
    monkeypatch.setattr(due_notices, "AT_ONCE", 1)
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 1, raising=False)
    first = chain.chain.addresses[0]
    for number in range(40):
        chain.follow(f"ctr_a{number}", f"usr_{number}", first, BLOCKS, announced=True)
    chain.passes(1)
    announced = []
    real = notices.announce
    monkeypatch.setattr(notices, "announce", lambda index: announced.append(index.number) or real(index))
    for _ in range(3):
        last = chain.chain.blocks[-1]
        number = last.number + 1
        logs = ((first, TOPIC),)
        chain.chain.blocks.append(ModelBlock(number, digest(last.hash, number), last.hash, logs, ()))
        chain.passes(1)
    assert len(announced) <= 4
    index = Session(chain.database.snapshot()).one(CHAIN_INDEXES.get("local"))
    assert index.number == chain.chain.blocks[-1].number
    monkeypatch.setattr(run, "ANNOUNCEMENTS", 200)
    chain.passes(1)
    waiting = Session(chain.database.snapshot()).many(NOTICES.scan())
    assert len(waiting) == 3 * 40 and all(one.announced for one in waiting)


def test_all_follows_of_an_account_end_without_their_abis(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: an account of two thousand factories with ABIs of 64 KiB, which is deleted."""
    chain.follow("ctr_f", "usr_1", FACTORY, BLOCKS, factory=("Made(address)", "made", E_ABI))
    chain.follow("ctr_0", "usr_1", chain.chain.addresses[0], BLOCKS)
    chain.passes(1)
    reads: list[Any] = []
    real = MemoryDatabase.read
    monkeypatch.setattr(
        MemoryDatabase, "read", lambda self, *wanted: reads.extend(wanted) or real(self, *wanted)
    )
    commit(lambda unit: unfollow(unit, follows_of(unit, "usr_1")))
    assert rows_with(reads, "follows", "factory_abi") == 0
    session = Session(chain.database.snapshot())
    assert session.many(FOLLOWS.scan()) == []
    assert {one.work for one in session.many(FOLLOWED.scan("local"))} == {"drop"}


@pytest.mark.parametrize("together", [True, False], ids=["in one commit", "one after the other"])
def test_factories_do_not_take_the_places_of_an_address(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """The attack: free accounts let factories name a busy contract, and get its events without a limit: each event then
    has a row for each of them in one commit, and customers got no place."""
    monkeypatch.setattr(factories, "MAX_ANNOUNCED", 4)
    for number in range(5):
        add_factory(chain, number)

    def follow(numbers: Iterable[int]) -> None:
        for number in numbers:
            rule = ("Made(address)", "made", E_ABI)
            chain.follow(f"ctr_f{number}", f"usr_{number}", FACTORY, BLOCKS, factory=rule, announced=True)
        chain.passes(1)
        announced(chain)

    for some in [range(5)] if together else [[number] for number in range(5)]:
        follow(some)
    rows = Session(chain.database.snapshot()).many(FOLLOWS.scan())
    for child in chain.chain.children:
        mine = [one for one in rows if one.address == child]
        assert len(mine) == 5 and sum(one.announced for one in mine) == 2


def test_the_limits_of_an_account_are_settings() -> None:
    assert load({}).account_limits == {"contracts": 2_500, "follows": 2_000}
    assert load({"ACCOUNT_LIMITS": "follows=50000"}).account_limits["follows"] == 50_000
    for wrong in ("follow=1", "follows=-1", "follows", "follows=1.5"):
        with pytest.raises(ValueError, match="ACCOUNT_LIMITS"):
            load({"ACCOUNT_LIMITS": wrong})
