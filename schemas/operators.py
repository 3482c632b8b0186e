"""What operators see of all users: lists, lanes, nodes, and an overview of waiting work."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from schemas.base import (
    Address,
    ChainName,
    Count,
    Currency,
    Flag,
    Id,
    Instant,
    Page,
    PageQuery,
    QueryFlag,
    Request,
    Resource,
)
from shared.domain.desk.states import ClaimStatus, OrderStatus, SupplyStatus
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.states import PublicStatus
from shared.domain.wallets.wallets import WalletType

LaneId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}:0x[0-9a-f]{40}$")]


class ListAll(PageQuery):
    """Resources of all users, or of `user_id` only; use `created_before` to reach old ones."""

    user_id: Id | None = None
    chain: ChainName | None = None
    created_before: Instant | None = None


class ListAllOrders(ListAll):
    """`status` is the stored status: an expired order stays `open` until a timer has updated it."""

    status: OrderStatus | None = None
    currency: Currency | None = None


class ListAllClaims(ListAll):
    """`status` is the stored status: a claim whose lease ran out stays `claimed` until a timer has updated it."""

    status: ClaimStatus | None = None
    currency: Currency | None = None


class ListAllSupplies(ListAll):
    status: SupplyStatus | None = None
    currency: Currency | None = None


class ListAllTransactions(ListAll):
    status: PublicStatus | None = None
    wallet_id: Id | None = None


class ListAllWallets(ListAll):
    """`address`: only wallets with this address, of any user."""

    type: WalletType | None = None
    address: Address | None = None


class ListLanes(PageQuery):
    """`paused`: only paused lanes."""

    paused: QueryFlag = False


class ResumeLane(Request):
    lane_id: LaneId


class LaneView(Resource):
    """The nonces of one address on one chain. `queued`: transactions without a nonce, counted up to 100."""

    id: str
    chain: str
    address: str
    next_nonce: Count
    chain_nonce: Count
    finalized_nonce: Count
    in_flight: Count
    queued: Count | None
    oldest_queued_at: Instant | None
    paused_reason: str | None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, lane: Lane, queued: list[Instant] | None = None) -> LaneView:
        """`queued`: the creation times of its transactions without a nonce, oldest first; None if not read."""
        same = ("id", "chain", "address", "next_nonce", "chain_nonce", "finalized_nonce", "in_flight")
        more = ("paused_reason", "version", "created_at", "updated_at")
        return cls(
            **{name: getattr(lane, name) for name in (*same, *more)},
            queued=None if queued is None else len(queued),
            oldest_queued_at=queued[0] if queued else None,
        )


class LanePage(Page[LaneView]):
    """Sending addresses, ordered by id."""


class Node(Resource):
    """One RPC endpoint as seen by the instance that answers. `latency` in seconds and `error_rate` from 0 to 1
    are moving averages; `behind`: blocks behind the best endpoint; `resting`: it failed and is not asked for a
    while.
    """

    chain: str
    name: str
    healthy: Flag
    resting: Flag
    block_number: Count | None
    behind: Count | None
    latency: float
    error_rate: float


class NodeList(Resource):
    """`region` is that of the instance that answers."""

    region: str
    items: list[Node]


class StatusCount(Resource):
    """`count` or `more`. Finished ones are counted for the last 24 hours only. `oldest_at` is null for them,
    and if there are too many to know.
    """

    status: str
    count: Count
    more: Flag
    finished: Flag
    oldest_at: Instant | None


class Bucket(Resource):
    """How many rows of the last 24 hours were created in the hour beginning at `at`, by their present status."""

    at: Instant
    counts: dict[str, int]


class Money(Resource):
    """The live supplies of one currency, in its unit. The reserved amount is what orders will pay."""

    chain: str
    currency: str
    supplies: Count
    available: str
    reserved: str
    settled: str


class Fees(Resource):
    """Gas fees paid by the transactions of one chain, in wei, by the hour in which they were created."""

    at: Instant
    chain: str
    transactions: Count
    gas_wei: str


class Latency(Resource):
    """Seconds from the claim to its final payment, for the newest settlements."""

    samples: Count
    median: float | None
    slowest_of_20: float | None


class Overview(Resource):
    """A few seconds old at most, as read in `region`. `money_complete` is false if there are more live supplies
    than were added up, `fees_complete` is false if there were more transactions in the last 24 hours than were
    added up.
    """

    at: Instant
    region: str
    orders: list[StatusCount]
    claims: list[StatusCount]
    supplies: list[StatusCount]
    transactions: list[StatusCount]
    dead_letters: StatusCount
    lanes_paused: Count
    orders_by_hour: list[Bucket]
    claims_by_hour: list[Bucket]
    transactions_by_hour: list[Bucket]
    fees_by_hour: list[Fees]
    fees_complete: Flag
    money: list[Money]
    money_complete: Flag
    settlement: Latency
