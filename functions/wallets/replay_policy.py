"""Try a draft policy on the wallet's recent transactions: what would it have refused? Nothing is changed.

Payments of settlements are included, because the policy of the paying wallet applies to them. Signatures are not
included: what was signed is not stored.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from schemas.policies import PolicyReplay, Replayed, ReplayPolicy
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies as rules
from shared.domain.wallets.policy_replay import Past, replay
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS, TRANSACTIONS_BY_OWNER
from shared.store.tables.wallets import owned
from shared.wallets import policy_enforcement

MAX_SCANNED = 5_000  # index entries that are read, of all wallets of the owner
MAX_REPLAYED = 1_000  # transactions that are tried, the newest ones
AT_ONCE = 100  # transactions that are read together: each may have data of 127 KB
MAX_SHOWN = 200  # transactions that are listed in the answer


@http(
    "POST",
    "/wallets/{wallet_id}/policy/replay",
    permission="wallet:read",
    others="see",
    request=ReplayPolicy,
    answer=PolicyReplay,
    idempotency="none",
    writes=False,
)
def replay_policy(request: ReplayPolicy, caller: Caller) -> PolicyReplay:
    session, now = Session(resources.database().snapshot()), resources.clock().now()
    wallet = session.one(owned(caller, request.wallet_id))
    since = now - timedelta(days=request.days)
    sent, past, complete = _sent(session, wallet.user_id, wallet.id, since)
    draft = rules.changed(rules.empty(wallet.id, wallet.user_id, since), since, **request.rules())
    verdicts = replay(draft, past)
    by_id = {one.id: one for one in sent}
    found = [
        Replayed.of(by_id[one.past.id], one) for one in reversed(verdicts) if one.denied or one.needs_approval
    ]
    return PolicyReplay(
        wallet_id=wallet.id,
        since=since,
        checked=len(sent),
        complete=complete,
        refused=sum(one.denied is not None for one in verdicts),
        for_approval=sum(one.needs_approval for one in verdicts),
        items=found[:MAX_SHOWN],
    )


def _sent(
    session: Session, user_id: str, wallet_id: str, since: datetime
) -> tuple[list[Transaction], list[Past], bool]:
    """The transactions of the wallet since a time without their data, what they moved, and whether they are
    complete."""
    entries = session.many(TRANSACTIONS_BY_OWNER.scan(user_id, upto=(since,), limit=MAX_SCANNED))
    own = [entry for entry in entries if entry["wallet_id"] == wallet_id]
    sent: list[Transaction] = []
    past: list[Past] = []
    for at in range(0, min(len(own), MAX_REPLAYED), AT_ONCE):
        rows = session.follow(TRANSACTIONS, own[at : min(at + AT_ONCE, MAX_REPLAYED)])
        calls = [row for row in rows if row.kind == "call"]
        past += map(_past, calls)
        sent += (replace(row, data=b"") for row in calls)
    return sent, past, len(entries) < MAX_SCANNED and len(own) <= MAX_REPLAYED


def _past(one: Transaction) -> Past:
    outflow = policy_enforcement.outflow_of(one, one.committed_gas)
    if not one.finalized:
        return Past(one.id, one.created_at, outflow, {}, None)
    return Past(one.id, one.created_at, outflow, policy_enforcement.unspent(one), one.updated_at)
