"""Evidence for decisions: every answer here comes from a quorum (pool.Pool.quorum), or is NoQuorum, "not yet".

`head` is the newest height that the caller has seen: with a single endpoint, two heads must give the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from shared.chain import types
from shared.chain.block_receipts import block_receipts
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.errors import ChainError, Lagging, NoQuorum
from shared.chain.pool import result_or_raise
from shared.chain.types import MinedTransaction, Nonces
from shared.domain.transactions.evidence import Receipt

# How far one node's nonce may exceed a quorum's: as many transactions as a public pool keeps for an address.
PLAUSIBLE = 16


def canonical_hashes(client: ChainClient, numbers: Sequence[int], head: int) -> list[str | None]:
    """The hashes of the canonical blocks at these heights, in one exchange with each endpoint; None if there is no
    block or no quorum."""

    def ask(endpoint: Endpoint) -> list[str | None]:
        answers = endpoint.batch([("eth_getBlockByNumber", [hex(one), False]) for one in numbers])
        return [None if isinstance(answer, ChainError) else types.hash_of(answer) for answer in answers]

    return client.pool.quorum_each([("block", one) for one in numbers], ask, head) if numbers else []


def block_holds(
    client: ChainClient, number: int, hashes: Collection[str], head: int
) -> tuple[str, bool] | None:
    """The canonical block's hash, and whether the block contains one of these transactions; None if there is no block.
    A missing receipt proves nothing, but the block's own list does."""

    def ask(endpoint: Endpoint) -> tuple[str, bool] | None:
        block = types.block(endpoint.call("eth_getBlockByNumber", [hex(number), False]))
        return (block.hash, any(one.lower() in hashes for one in block.transactions)) if block else None

    return client.pool.quorum(("holds", number, *sorted(hashes)), ask, head)


def counts_everywhere(client: ChainClient, address: str) -> Nonces:
    """The greatest latest and pending counts among all healthy endpoints, so that nothing known to any of them is
    missed.

    Raises NoQuorum if too few endpoints answer."""
    return _greatest(_counts(client, address))


def counts_to_open(client: ChainClient, address: str) -> Nonces:
    """The greatest counts among the healthy endpoints that are close to a quorum's. So an honest lagging node hides
    nothing, and a lying node causes a gap of at most PLAUSIBLE nonces, which no-ops fill.

    Raises NoQuorum if too few endpoints answer."""
    counts = _counts(client, address)
    reached = sorted((max(one) for one in counts), reverse=True)[client.pool.needed - 1]
    return _greatest([one for one in counts if max(one) <= reached + PLAUSIBLE])


def _counts(client: ChainClient, address: str) -> list[tuple[int, int]]:
    def ask(endpoint: Endpoint) -> tuple[int, int]:
        calls = [("eth_getTransactionCount", [address, ref]) for ref in ("latest", "pending")]
        latest, pending = (types.quantity(result_or_raise(one)) for one in endpoint.batch(calls))
        return latest, pending

    answers = client.pool.broadcast(ask)
    counts = [one for one in answers if not isinstance(one, ChainError)]
    if len(counts) < client.pool.needed:
        raise NoQuorum(f"{len(counts)} of {client.pool.needed} endpoints answered")
    return counts


def _greatest(counts: Sequence[tuple[int, int]]) -> Nonces:
    return Nonces(max(one[0] for one in counts), max(one[1] for one in counts), 0, -1)


def reached(client: ChainClient, tag: str) -> int:
    """The height of a block tag at a quorum of endpoints, so that no single one decides what is deep enough; -1 if
    none."""

    def ask(endpoint: Endpoint) -> int:
        block = types.block(endpoint.call("eth_getBlockByNumber", [tag, False]))
        if block and tag == "latest":
            endpoint.saw(block.number)
        return block.number if block else -1

    return client.pool.reached(ask)


def finalized(client: ChainClient) -> int:
    """The newest height that cannot be reorganised, by quorum: the chain's tag, or twice its depth; negative if there
    is none yet."""
    if client.spec.has_finalized:
        return reached(client, "finalized")
    return max(-1, reached(client, "latest") + 1 - 2 * client.spec.depth)


def receipts_of_block(
    client: ChainClient, number: int, head: int, wanted: Collection[str] | None = None
) -> tuple[Receipt, ...]:
    """The receipts of the canonical block, all or those of `wanted` hashes, on which a quorum agrees."""

    def ask(endpoint: Endpoint) -> tuple[Receipt, ...]:
        return block_receipts(endpoint, number, wanted)

    def key(found: tuple[Receipt, ...]) -> object:
        """Callers may want different receipts of a block; with one endpoint, each set must be seen twice."""
        return "receipts", number, hash(tuple(one.hash for one in found))

    return client.pool.quorum(key, ask, head)


def nonce_at(client: ChainClient, address: str, number: int, head: int) -> int:
    """The transaction count of an address after the block at a height."""

    def ask(endpoint: Endpoint) -> int:
        return types.quantity(endpoint.call("eth_getTransactionCount", [address, hex(number)]))

    return client.pool.quorum(("nonce", address, number), ask, head)


def mined_with_nonce(
    client: ChainClient, address: str, nonce: int, *, low: int, high: int, head: int
) -> MinedTransaction | None:
    """The transaction of (address, nonce) at or below block `high`, found by bisecting its sender's counts; None if
    none.

    To prove a foreign sender, `high` must be finalized. The search starts at block `low` and goes back further if
    needed. A block whose state no node has any more counts as earlier than the transaction."""
    if nonce_at(client, address, high, head) <= nonce:
        return None
    span = max(1, high - low)
    while low > 0 and _used(client, address, nonce, low - 1):
        high, span = low - 1, 2 * span
        low = max(0, high - span)
    while low < high:
        middle = (low + high) // 2
        if _used(client, address, nonce, middle):
            high = middle
        else:
            low = middle + 1
    return sent_in_block(client, address, nonce, high, head)


def sent_in_block(
    client: ChainClient, address: str, nonce: int, number: int, head: int
) -> MinedTransaction | None:
    """The transaction of (address, nonce) in the canonical block at a height, or None."""
    return client.pool.quorum(
        ("sender", address, nonce, number), lambda endpoint: _in_block(endpoint, address, nonce, number), head
    )


def _used(client: ChainClient, address: str, nonce: int, number: int) -> bool:
    try:
        return client.nonce(address, number) > nonce
    except Lagging:
        return False


def _in_block(endpoint: Endpoint, address: str, nonce: int, number: int) -> MinedTransaction | None:
    raw = endpoint.call("eth_getBlockByNumber", [hex(number), True])

    def find(block: Any) -> MinedTransaction | None:
        for entry in block["transactions"] if block else ():
            if entry["from"].lower() == address.lower() and int(entry["nonce"], 16) == nonce:
                return types.transaction(entry)
        return None

    return types.parsed(find, raw)
