"""A run ends within a block that needs several commits; what is followed before the next run counts for all of it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared.runtime.errors import Unready
from shared.store.session import Session
from shared.store.tables.contract_events import EVENTS, FOLLOWS
from tests.unit.contracts.index_histories import E_ABI, FACTORY
from tests.unit.contracts.log_chain import ModelBlock, digest
from tests.unit.contracts.long_chain import BLOCKS, TOPIC, LongChain


def test_the_first_part_of_a_block_counts_for_who_follows_before_the_last(
    chain: LongChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factory's rule was not applied to the events that were stored already, and who followed a contract in between
    was not notified of them."""
    first = chain.chain.addresses[0]
    chain.follow("ctr_f", "usr_1", FACTORY, BLOCKS)
    chain.follow("ctr_0", "usr_1", first, BLOCKS)
    chain.passes(1)
    children = chain.chain.children[:2]
    one, other = ((FACTORY, "0x" + address[2:].rjust(64, "0")) for address in children)
    logs = (one, (first, TOPIC), (first, TOPIC), other)
    last = chain.chain.blocks[-1]
    chain.chain.blocks.append(ModelBlock(BLOCKS, digest(last.hash, logs), last.hash, logs, ()))
    real = chain.database._commit

    def ends(writes: Any) -> Any:
        if any(write.table == EVENTS.name for write in writes) and chain.missing(first, BLOCKS) == 0:
            raise Unready
        return real(writes)

    monkeypatch.setattr(chain.database, "_commit", ends)
    with contextlib.suppress(Unready):
        chain.passes(1)
    monkeypatch.setattr(chain.database, "_commit", real)
    assert (chain.missing(first, BLOCKS), chain.missing(FACTORY, BLOCKS)) == (0, 1)
    chain.follow("ctr_f", "usr_1", FACTORY, BLOCKS, factory=("Made(address)", "made", E_ABI))
    chain.follow("ctr_1", "usr_2", first, BLOCKS, announced=True)
    chain.passes(1)
    added = [one for one in Session(chain.database.snapshot()).many(FOLLOWS.scan()) if one.parent_id]
    assert {one.address for one in added} == set(children)
    assert {one.subject for one in chain.notices()} == {"ctr_1"}
