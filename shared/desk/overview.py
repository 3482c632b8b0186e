"""The operators' overview: the number of rows per state, the age of the oldest waiting row, and the total of
supplies.

It reads the beginnings of indexes, with a limit on each read: a count that reaches its limit means "that many or
more". It takes two waves of reads, because each wave costs a round trip to the leader region.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from statistics import median
from typing import Any, Final, NamedTuple, get_args

from schemas.operators import Bucket, Fees, Latency, Money, Overview, StatusCount
from shared import resources
from shared.domain.desk.claims import Claim
from shared.domain.desk.states import ClaimStatus, OrderStatus, SupplyStatus
from shared.domain.desk.supplies import Supply
from shared.domain.money import format_amount
from shared.domain.transactions.states import TERMINAL, State
from shared.domain.transactions.transactions import Transaction
from shared.reads import by_status
from shared.reads.by_status import NewestEntries
from shared.store.port import Row
from shared.store.session import Session
from shared.store.table import Index
from shared.store.tables.claims import CLAIMS, CLAIMS_BY_STATUS
from shared.store.tables.orders import ORDERS_BY_STATUS
from shared.store.tables.supplies import SUPPLIES, SUPPLIES_BY_STATUS
from shared.store.tables.system import DEAD_LETTERS_BY_TIME
from shared.store.tables.transactions import LANES_PAUSED, TRANSACTIONS_BY_STATE, glances

DAY: Final = timedelta(hours=24)
LIMIT: Final = 250  # index entries of one status and shard
MANY: Final = 1_000  # dead letters, paused addresses and supplies
SETTLEMENTS: Final = 100  # claims whose latency is measured
PAID: Final = 300  # transactions whose fees are summed
FINISHED: Final[Mapping[str, frozenset[str]]] = {
    "orders": frozenset({"completed", "cancelled", "expired"}),
    "claims": frozenset({"processed", "released", "expired", "rejected"}),
    "supplies": frozenset({"closed", "rejected"}),
    "transactions": frozenset(TERMINAL),
}
LIVE_SUPPLIES: Final = ("active", "paused", "exhausted")
_INDEXES: Final[Mapping[str, tuple[Index[Any], Sequence[str]]]] = {
    "orders": (ORDERS_BY_STATUS, get_args(OrderStatus)),
    "claims": (CLAIMS_BY_STATUS, get_args(ClaimStatus)),
    "supplies": (SUPPLIES_BY_STATUS, get_args(SupplyStatus)),
    "transactions": (TRANSACTIONS_BY_STATE, get_args(State)),
}
Entries = dict[str, list[Row]]


def read() -> Overview:
    """The whole overview, at one time."""
    session, now = Session(resources.database().snapshot()), resources.clock().now()
    found, letters, paused = _newest_entries(session, now)
    rows = _followed(session, found)
    return Overview(
        at=now,
        region=resources.settings().region,
        **{name: _counts(found[name], FINISHED[name]) for name in found},
        dead_letters=_count("new", letters, finished=False, full=len(letters) >= MANY),
        lanes_paused=len(paused),
        orders_by_hour=_by_hour(found["orders"], now),
        claims_by_hour=_by_hour(found["claims"], now),
        transactions_by_hour=_by_hour(found["transactions"], now),
        fees_by_hour=_fees(rows.ended),
        fees_complete=_fees_complete(found["transactions"]),
        money=_money(rows.supplies),
        money_complete=_money_complete(found["supplies"]),
        settlement=_latency(rows.claims),
    )


def _newest_entries(session: Session, now: datetime) -> tuple[dict[str, Entries], list[Row], list[Row]]:
    """Unfinished rows, and finished rows that were created in the last 24 hours, by resource and status; then dead
    letters and paused lanes."""
    wanted = [(name, newest) for name in _INDEXES for newest in _windows(name, now)]
    queries = [query for _, newest in wanted for query in newest.queries(LIMIT)]
    queries += [DEAD_LETTERS_BY_TIME.scan("new", limit=MANY), LANES_PAUSED.scan(limit=MANY)]
    *answers, letters, paused = session.read_all(queries)
    rest, entries = iter(answers), defaultdict[str, Entries](dict)
    for name, newest in wanted:
        entries[name] |= newest.by_status(islice(rest, len(newest.statuses) * by_status.SHARDS))
    ordered = {
        name: {one: entries[name][one] for one in statuses} for name, (_, statuses) in _INDEXES.items()
    }
    return ordered, letters, paused


def _windows(name: str, now: datetime) -> list[NewestEntries]:
    index, statuses = _INDEXES[name]
    over = [status for status in statuses if status in FINISHED[name]]
    going = [status for status in statuses if status not in FINISHED[name]]
    return [NewestEntries(index, going, None), NewestEntries(index, over, now - DAY)]


class _Followed(NamedTuple):
    """Complete rows behind index entries."""

    supplies: list[Supply]  # live ones
    ended: list[Transaction]  # the newest ones in blocks
    claims: list[Claim]  # the newest processed ones


def _followed(session: Session, found: Mapping[str, Entries]) -> _Followed:
    live = [row["supply_id"] for status in LIVE_SUPPLIES for row in found["supplies"][status]]
    ended = [row["transaction_id"] for row in _ended(found["transactions"])]
    processed = [row["claim_id"] for row in found["claims"]["processed"]]
    return _Followed(
        *session.read(
            SUPPLIES.get_many((one,) for one in live[:MANY]),
            glances(ended[:PAID]),
            CLAIMS.get_many((one,) for one in processed[:SETTLEMENTS]),
        )
    )


def _counts(entries: Entries, finished: frozenset[str]) -> list[StatusCount]:
    return [
        _count(status, rows, finished=status in finished, full=_full(rows))
        for status, rows in entries.items()
    ]


def _full(rows: Sequence[Row]) -> bool:
    """Whether some shard returned as many entries as its limit."""
    shards = Counter(row["list_shard"] for row in rows)
    return max(shards.values(), default=0) >= LIMIT


def _count(status: str, rows: Sequence[Row], *, finished: bool, full: bool) -> StatusCount:
    known = rows and not finished and not full
    return StatusCount(
        status=status,
        count=len(rows),
        more=full,
        finished=finished,
        oldest_at=min(row["created_at"] for row in rows) if known else None,
    )


def _by_hour(entries: Entries, now: datetime) -> list[Bucket]:
    """The last 24 hours, the current one last."""
    present = _hour(now)
    hours: dict[datetime, Counter[str]] = {
        present - timedelta(hours=back): Counter() for back in reversed(range(24))
    }
    for status, rows in entries.items():
        for row in rows:
            if (hour := _hour(row["created_at"])) in hours:
                hours[hour][status] += 1
    return [Bucket(at=at, counts=dict(counts)) for at, counts in hours.items()]


def _hour(at: datetime) -> datetime:
    """The beginning of the hour of this time."""
    return at.replace(minute=0, second=0, microsecond=0)


def _money(live: Sequence[Supply]) -> list[Money]:
    """The totals of the live supplies by currency."""
    groups: dict[tuple[str, str], list[Supply]] = defaultdict(list)
    for supply in live:
        groups[supply.chain, supply.currency].append(supply)
    return [_sum(chain, currency, group) for (chain, currency), group in sorted(groups.items())]


def _money_complete(entries: Entries) -> bool:
    """Whether the totals cover all live supplies."""
    live = [entries[status] for status in LIVE_SUPPLIES]
    return sum(map(len, live)) <= MANY and not any(map(_full, live))


def _sum(chain: str, currency: str, group: Sequence[Supply]) -> Money:
    decimals = group[0].decimals
    names = ("available", "reserved", "settled")
    sums = {name: sum(getattr(supply, name) for supply in group) for name in names}
    return Money(
        chain=chain,
        currency=currency,
        supplies=len(group),
        **{name: format_amount(units, decimals) for name, units in sums.items()},
    )


def _ended(entries: Entries) -> list[Row]:
    """The day's transactions in blocks, newest first."""
    rows = (row for status in ("confirmed", "reverted", "cancelled") for row in entries[status])
    return sorted(rows, key=lambda row: row["created_at"], reverse=True)


def _fees_complete(entries: Entries) -> bool:
    """Whether the gas total covers the whole day."""
    return len(_ended(entries)) <= PAID and not any(
        _full(entries[status]) for status in ("confirmed", "reverted")
    )


def _fees(ended: Sequence[Transaction]) -> list[Fees]:
    """The gas fees that transactions have paid."""
    sums: dict[tuple[datetime, str], list[int]] = defaultdict(list)
    for one in ended:
        if one.gas_used and one.effective_gas_price:
            sums[_hour(one.created_at), one.chain].append(one.gas_used * one.effective_gas_price)
    return [
        Fees(at=hour, chain=chain, transactions=len(paid), gas_wei=str(sum(paid)))
        for (hour, chain), paid in sorted(sums.items())
    ]


def _latency(processed: Sequence[Claim]) -> Latency:
    seconds = sorted(
        (one.processed_at - one.claimed_at).total_seconds() for one in processed if one.processed_at
    )
    if not seconds:
        return Latency(samples=0, median=None, slowest_of_20=None)
    return Latency(
        samples=len(seconds),
        median=round(median(seconds), 3),
        slowest_of_20=round(seconds[int(0.95 * (len(seconds) - 1))], 3),
    )
