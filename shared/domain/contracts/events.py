"""The index of a chain: its progress, its blocks, contract events, deposits, and pending announcements. Addresses and
hashes are lower-case hex.

A row's key is (chain, block hash, place in the block), so each event exists once, and the hash alone finds everything
that a reorganisation removes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

IndexFault = Literal["no_quorum", "unanswered", "forked"]
MAX_DATA_BYTES: Final = 32 * 1024  # stored bytes of an event's data
MAX_PER_BLOCK: Final = 1_000  # stored events of one contract and block
WINDOW: Final = 256  # minimum number of blocks that can be reversed
NOTICE_SHARDS: Final = 16  # shards that are read
NOTICE_WRITTEN: Final = 16  # shards over which new notices are spread: docs/delivery.md#shards


@dataclass(frozen=True, slots=True)
class ChainIndex:
    """Everything from `first_number` to `number` is indexed; `head` is the newest height that a quorum has."""

    chain: str
    number: int
    hash: str
    first_number: int
    final_number: int  # irreversible by the chain's own rule
    head: int
    fault: IndexFault | None
    version: int
    updated_at: datetime

    def moved(
        self, number: int, block_hash: str, now: datetime, *, head: int = -1, final: int = -1
    ) -> ChainIndex:
        """The index at another block; a head or final height that is not given stays."""
        return replace(
            self,
            number=number,
            hash=block_hash,
            head=max(head, number) if head >= 0 else self.head,
            final_number=final if final >= 0 else self.final_number,
            fault=None,
            version=self.version + 1,
            updated_at=now,
        )


def oldest_kept(number: int, final_number: int) -> int:
    """The lowest height whose hash is kept, so that a reorganisation can be traced back to it."""
    return max(0, min(final_number, number - WINDOW))


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """The block that was indexed at a height; kept while it may still be reversed. `taken_back`: it was reversed, the
    index is below it, and its rows are being deleted."""

    chain: str
    number: int
    hash: str
    taken_back: bool | None = None


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """A log of a followed contract, as the node returned it; `data` is `data_bytes` long and cut at MAX_DATA_BYTES."""

    chain: str
    block_hash: str
    log_index: int
    block_number: int
    address: str
    transaction_hash: str
    topic0: str | None
    topic1: str | None
    topic2: str | None
    topic3: str | None
    data: str
    data_bytes: int

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(one for one in (self.topic0, self.topic1, self.topic2, self.topic3) if one is not None)

    @property
    def complete(self) -> bool:
        return len(self.data) == 2 + 2 * self.data_bytes

    @property
    def position(self) -> tuple[int, int]:
        return self.block_number, self.log_index


@dataclass(frozen=True, slots=True)
class Decoded:
    """An event decoded with its ABI. `arguments` is an object if all arguments have distinct names, otherwise a list.
    Indexed texts, bytes, arrays and tuples appear as hashes."""

    event: str
    signature: str
    arguments: Any


def new_event(
    chain: str,
    block: IndexedBlock,
    *,
    index: int,
    address: str,
    transaction_hash: str,
    topics: Sequence[str],
    data: str,
) -> ContractEvent:
    first, second, third, fourth, *_ = (*topics, None, None, None, None)
    return ContractEvent(
        chain=chain,
        block_hash=block.hash,
        log_index=index,
        block_number=block.number,
        address=address,
        transaction_hash=transaction_hash,
        topic0=first,
        topic1=second,
        topic2=third,
        topic3=fourth,
        data=data[: 2 + 2 * MAX_DATA_BYTES],
        data_bytes=len(data) // 2 - 1,
    )


@dataclass(frozen=True, slots=True)
class Deposit:
    """Coins or tokens that a wallet received. `place` is a log's index, or -1 - the transaction's place for coins."""

    chain: str
    block_hash: str
    place: int
    block_number: int
    user_id: str
    wallet_id: str
    address: str  # EIP-55, of the wallet
    from_address: str  # EIP-55
    token_address: str | None  # EIP-55; None: the chain's coin
    amount: int  # base units
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class EventNotice:
    """A notice about a subject (a follow or a wallet) in a block, to be announced when the index reaches `due_block`.
    It then stays as a record of the announcement while the block can still be reversed."""

    chain: str
    block_hash: str
    subject: str
    block_number: int
    due_block: int
    due_shard: int | None  # None: announced
    user_id: str | None = None  # the account that is notified; None in rows of earlier releases

    @property
    def announced(self) -> bool:
        return self.due_shard is None
