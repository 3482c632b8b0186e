"""What operators read over all users: lists, lanes, nodes, and one overview of what waits."""

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
    """Everybody's, or those of `user_id`; `created_before` leads to old ones."""

    user_id: Id | None = None
    chain: ChainName | None = None
    created_before: Instant | None = None


class ListAllOrders(ListAll):
    """`status` is the stored one: what is past its time stays open until a timer has come by."""

    status: OrderStatus | None = None
    currency: Currency | None = None


class ListAllClaims(ListAll):
    """`status` is the stored one: a lease that has run out stays claimed until a timer has come by."""

    status: ClaimStatus | None = None
    currency: Currency | None = None


class ListAllSupplies(ListAll):
    status: SupplyStatus | None = None
    currency: Currency | None = None


class ListAllTransactions(ListAll):
    status: PublicStatus | None = None
    wallet_id: Id | None = None


class ListAllWallets(ListAll):
    """`address`: the wallets of one address, whoever holds it."""

    type: WalletType | None = None
    address: Address | None = None


class ListLanes(PageQuery):
    """`paused`: those that are paused alone."""

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
        """`queued`: when each of its transactions without a nonce was made, the oldest first; None where not read."""
        same = ("id", "chain", "address", "next_nonce", "chain_nonce", "finalized_nonce", "in_flight")
        more = ("paused_reason", "version", "created_at", "updated_at")
        return cls(
            **{name: getattr(lane, name) for name in (*same, *more)},
            queued=None if queued is None else len(queued),
            oldest_queued_at=queued[0] if queued else None,
        )


class LanePage(Page[LaneView]):
    """Addresses that have sent, in the order of their ids."""


class Node(Resource):
    """One RPC endpoint as the instance that answers sees it. `latency` in seconds, `error_rate` from 0 to 1: moving
    averages; `behind` in blocks of the best one; `resting`: it failed and is left alone for a while."""

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
    """`count` or `more`. Of what is finished, only the last 24 hours are counted; `oldest_at` is null there, and where
    there are too many to know."""

    status: str
    count: Count
    more: Flag
    finished: Flag
    oldest_at: Instant | None


class Bucket(Resource):
    """How many of the last 24 hours' rows were made in the hour from `at`, by the status that they have now."""

    at: Instant
    counts: dict[str, int]


class Money(Resource):
    """The live supplies of one currency, in its unit; they pay what is reserved."""

    chain: str
    currency: str
    supplies: Count
    available: str
    reserved: str
    settled: str


class Fees(Resource):
    """What blocks took for the gas of one chain's transactions, in wei, by the hour in which they were asked for."""

    at: Instant
    chain: str
    transactions: Count
    gas_wei: str


class Latency(Resource):
    """From claim to final payment of the newest settlements, in seconds."""

    samples: Count
    median: float | None
    slowest_of_20: float | None


class Overview(Resource):
    """At most a few seconds old, as `region` has read it. `money_complete` is false where there are more live supplies
    than are added up, `fees_complete` where there were more transactions in the last 24 hours than are."""

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
