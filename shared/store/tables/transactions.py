"""Transactions, their attempts, the lanes that send them, leases, and addresses with a low balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared.domain.transactions.approvals import ApprovalRequest
from shared.domain.transactions.lanes import Lane, lane_range
from shared.domain.transactions.low_balances import LowBalance
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.store.partial_rows import without_columns
from shared.store.port import Key, Row
from shared.store.table import Index, Query, Table


@dataclass(frozen=True, slots=True)
class Lease:
    """The current worker of a recurring job (see `shared.engine.leases`). Only for efficiency: safety depends on
    compare-and-set on the rows themselves."""

    name: str
    owner: str
    held_until: datetime
    fence: int  # rises each time the lease is taken
    # Of a bucket: everything waiting up to this block was seen in its recorded block.
    block_number: int | None = None
    block_hash: str | None = None
    # Of a bucket: the start of the first visit in the current series of failures.
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """The receipt of a terminal state; a reorganisation before finality replaces it."""

    transaction_id: str
    hash: str
    block_hash: str
    success: bool
    logs: list[dict[str, Any]]  # address, topics, data, index; name and arguments if known
    created_at: datetime
    logs_omitted: int | None = None  # how many logs were not stored


LANE_SHARDS = 16  # buckets of lanes
DUE_PAGE = 1_000
BLOCK_PAGE = 500
QUERIES_KEPT = 1_024  # of those that each pass asks again; 16 buckets of a chain have three each
MINED, ENDED = 0, 1  # stages of transactions in a block: no outcome yet, or a non-final one
TRANSACTIONS = Table(
    "transactions",
    Transaction,
    ("id",),
    id_column="transaction_id",
    texts=frozenset({"value", "token_amount", "committed_value", "committed_gas", "approved_fee"}),
    documents=frozenset({"approvals", "metadata"}),
)
ATTEMPTS = Table("attempts", Attempt, ("transaction_id", "k"))
RECEIPTS = Table("receipts", StoredReceipt, ("transaction_id",), documents=frozenset({"logs"}))
LANES = Table("lanes", Lane, ("id",))
LEASES = Table("leases", Lease, ("name",))
TRANSACTIONS_BY_KEY = Index("transactions_by_key", TRANSACTIONS, ("tenant", "idem_key"), unique=True)
TRANSACTIONS_BY_NONCE = Index(
    "transactions_by_nonce", TRANSACTIONS, ("lane_id", "nonce"), unique=True, null_filtered=True
)
TRANSACTIONS_UNMINED = Index(
    "transactions_unmined",
    TRANSACTIONS,
    ("unmined_chain", "lane_shard", "next_action_at", "transaction_id"),
    null_filtered=True,
    stored=("lane_id", "state"),
)
TRANSACTIONS_IN_BLOCKS = Index(
    "transactions_in_blocks",
    TRANSACTIONS,
    ("block_chain", "lane_shard", "block_stage", "mined_block_number", "transaction_id"),
    null_filtered=True,
    stored=("lane_id", "mined_block_hash", "tenant", "created_at"),
)
TRANSACTIONS_QUEUES = Index(
    "transactions_queues",
    TRANSACTIONS,
    ("lane_shard", "queued_lane_id", "created_at", "transaction_id"),
    null_filtered=True,
)
TRANSACTIONS_QUEUED = Index(
    "transactions_queued",
    TRANSACTIONS,
    ("queued_lane_id", "created_at", "transaction_id"),
    null_filtered=True,
)
TRANSACTIONS_QUEUED_BY_AGE = Index(
    "transactions_queued_by_age",
    TRANSACTIONS,
    ("queued_chain", "list_shard", "created_at", "transaction_id"),
    null_filtered=True,
)
TRANSACTIONS_BY_WALLET_OPEN = Index(  # not finalized
    "transactions_by_wallet_open", TRANSACTIONS, ("open_wallet_id", "transaction_id"), null_filtered=True
)
TRANSACTIONS_BY_OWNER = Index(
    "transactions_by_owner",
    TRANSACTIONS,
    ("user_id", "created_at", "transaction_id"),
    frozenset({"created_at"}),
    stored=("wallet_id", "chain", "state", "blocked_reason"),
)
TRANSACTIONS_BY_STATE = Index(  # of all users
    "transactions_by_state",
    TRANSACTIONS,
    ("list_shard", "state", "created_at", "transaction_id"),
    frozenset({"created_at"}),
    stored=("chain", "wallet_id", "blocked_reason"),
)
LANES_PAUSED = Index("lanes_paused", LANES, ("paused_reason", "id"), null_filtered=True)
APPROVAL_REQUESTS = Table("approval_requests", ApprovalRequest, ("transaction_id", "user_id"))
APPROVAL_REQUESTS_BY_USER = Index(
    "approval_requests_by_user",
    APPROVAL_REQUESTS,
    ("user_id", "created_at", "transaction_id"),
    frozenset({"created_at"}),
)
ATTEMPTS_BY_HASH = Index("attempts_by_hash", ATTEMPTS, ("hash",), unique=True)
# Addresses whose native coin balance is too low, by lane.
LOW_BALANCES = Table("low_balances", LowBalance, ("id",), texts=frozenset({"balance", "threshold"}))


def glances(ids: Iterable[str]) -> Query[list[Transaction]]:
    """Transactions without the fields that senders can make large; sufficient to check, not to sign or to show."""
    return without_columns(TRANSACTIONS.get_many((one,) for one in ids), "data", "access_list")


def attempt_glances(prefixes: Iterable[Key]) -> Query[list[Attempt]]:
    """Attempts without their bytes; sufficient to check, not to send."""
    return without_columns(ATTEMPTS.below(prefixes), "raw")


def unmined(chain: str, bucket: int, before: datetime, since: datetime | None = None) -> Query[list[Row]]:
    """One page of index entries of transactions that no block contains and that are due before a time, oldest first,
    starting at `since`. Queued transactions are found by their lane."""
    after = (since,) if since is not None else None
    return TRANSACTIONS_UNMINED.scan(chain, bucket, after=after, upto=(before,), limit=DUE_PAGE)


def in_blocks(
    chain: str, bucket: int, stage: int, *, after: Row | int, upto: int = 2**62, limit: int = BLOCK_PAGE
) -> Query[list[Row]]:
    """One page of index entries of transactions in blocks, in block order: above a height or after an entry, up to
    height `upto`."""
    if isinstance(after, int):
        return _above(chain, bucket, stage, after, upto=upto, limit=limit)
    behind = (after["mined_block_number"], after["transaction_id"])
    return TRANSACTIONS_IN_BLOCKS.scan(chain, bucket, stage, after=behind, upto=(upto,), limit=limit)


@lru_cache(QUERIES_KEPT)
def _above(chain: str, bucket: int, stage: int, height: int, *, upto: int, limit: int) -> Query[list[Row]]:
    return TRANSACTIONS_IN_BLOCKS.scan(chain, bucket, stage, after=(height,), upto=(upto,), limit=limit)


@lru_cache(QUERIES_KEPT)
def next_queue(chain: str, bucket: int, after: str = "") -> Query[list[Row]]:
    """The first index entry of the next lane of a chain with a queue; () if there is none.

    Each lane takes one step, however long its queue is.
    """
    first, last = lane_range(chain)
    return TRANSACTIONS_QUEUES.scan(bucket, after=(after or first,), upto=(last,), limit=1)


def nonces(lane_id: str, start: int, end: int, *, limit: int = 0) -> Query[list[Row]]:
    """The index entries of a lane's nonces in [start, end), the first `limit` of them."""
    return TRANSACTIONS_BY_NONCE.scan(lane_id, after=(start - 1,), upto=(end - 1,), limit=limit)


def first_nonce(lane_id: str) -> Query[list[Row]]:
    """The index entry of the first nonce of a lane."""
    return nonces(lane_id, 0, 2**62, limit=1)
