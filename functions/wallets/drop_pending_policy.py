"""Withdraw a pending, looser policy; the policy in force stays. Without a pending one nothing changes."""

from __future__ import annotations

from schemas.policies import DropPendingPolicy
from shared.domain.permissions import Caller
from shared.domain.wallets import policy_changes
from shared.runtime.operation import http
from shared.store.tables.policies import POLICIES
from shared.store.tables.wallets import mine
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "DELETE",
    "/wallets/{wallet_id}/policy/pending",
    permission="wallet:write",
    person=True,
    others="owner",
    request=DropPendingPolicy,
    status=204,
)
def drop_pending_policy(request: DropPendingPolicy, caller: Caller) -> None:
    commit(_drop, request, caller)


def _drop(unit: UnitOfWork, request: DropPendingPolicy, caller: Caller) -> None:
    _, current = unit.read(mine(caller, request.wallet_id), POLICIES.find(request.wallet_id))
    if current is not None:
        policy = current.at(unit.now)
        unit.match(policy)
        unit.audit(policy.id, withdrawn=policy.pending is not None)
        unit.write(policy_changes.withdrawn(policy, unit.now))
