"""Watch the blocks that contain our transactions, so that a pass costs only new blocks and ended transactions, however
many transactions wait.

Blocks are linked: if a block is still canonical, all blocks before it are unchanged. So a bucket remembers one block
up to which every transaction was seen in its recorded block. A pass asks for that block again, and for newer blocks
that contain our transactions. This detects early that a block has disappeared; only the proofs in `confirmation` undo
or end a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from shared import resources
from shared.chain.errors import ChainError
from shared.engine.chain_view import ChainView
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.transactions import BLOCK_PAGE, ENDED, MINED, Lease, in_blocks


@dataclass(frozen=True, slots=True)
class Seen:
    """A block up to which every transaction was seen in its recorded block."""

    number: int
    hash: str

    @classmethod
    def of(cls, lease: Lease) -> Self | None:
        """The block that was stored with a bucket's lease."""
        return (
            cls(lease.block_number, lease.block_hash)
            if lease.block_number is not None and lease.block_hash
            else None
        )


def displaced(view: ChainView, bucket: int, seen: Seen | None) -> tuple[list[Row], Seen | None]:
    """The index entries whose recorded block a node no longer shows, and the new remembered block."""
    shown = view.hash_at(seen.number) if seen else None
    if seen and shown is None:
        return [], seen  # the node lags behind
    floor = seen.number if seen and shown == seen.hash else -1
    gone, complete = [], True
    for stage in (MINED, ENDED):
        for page in pages(view, bucket, stage, above=floor):
            view.load_hashes(entry["mined_block_number"] for entry in page)
            for entry in page:
                found = view.hash_at(entry["mined_block_number"])
                complete = complete and found == entry["mined_block_hash"]
                if found not in (None, entry["mined_block_hash"]):
                    gone.append(entry)
    return gone, (block(view, view.agreed_head) or seen) if complete else seen


def block(view: ChainView, number: int) -> Seen | None:
    """The block that a node shows at a height."""
    found = view.hash_at(number) if number >= 0 else None
    return Seen(number, found) if found else None


def lowered(view: ChainView, seen: Seen | None) -> Seen | None:
    """The remembered block after a visit. It is lowered if the visit recorded transactions in blocks up to it, because
    those were not yet seen there."""
    if seen is None or view.lowest_new is None or view.lowest_new > seen.number:
        return seen
    try:
        return block(view, view.lowest_new - 1)
    except ChainError:
        return None  # the next pass looks at everything again


def pages(
    view: ChainView, bucket: int, stage: int, *, above: int = -1, upto: int = 2**62
) -> Iterator[list[Row]]:
    """The entries of a bucket in blocks above `above`, up to `upto`, page by page."""
    chain, session = view.client.spec.name, Session(resources.database().snapshot())
    page = session.many(in_blocks(chain, bucket, stage, after=above, upto=upto))
    while page:
        yield page
        if len(page) < BLOCK_PAGE:
            return
        page = session.many(in_blocks(chain, bucket, stage, after=page[-1], upto=upto))
