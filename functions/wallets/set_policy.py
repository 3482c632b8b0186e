"""Replace a wallet's policy as a whole. API keys may not: a policy is what bounds them.

A policy that asks for approval is as hard to change as the key is to export: with a stolen token, neither goes."""

from __future__ import annotations

from schemas.policies import Policy, UpdatePolicy
from shared.commit import commit
from shared.domain import policies as rules
from shared.identity.permissions import Caller
from shared.operation import http
from shared.persons import require_person, require_recent_login, require_second_factor
from shared.store.factors import enrolled
from shared.store.policies import POLICIES
from shared.store.unit import UnitOfWork
from shared.store.wallets import usable


@http("PUT", "/wallets/{wallet_id}/policy", permission="wallet:write", request=UpdatePolicy, answer=Policy)
def set_policy(request: UpdatePolicy, caller: Caller) -> Policy:
    require_person(caller)
    return commit(_set, request, caller)


def _set(unit: UnitOfWork, request: UpdatePolicy, caller: Caller) -> Policy:
    wallet, found, second = unit.read(
        usable(caller, request.wallet_id), POLICIES.find(request.wallet_id), enrolled(caller.user_id)
    )
    policy = found or rules.empty(wallet.id, wallet.user_id, unit.now)
    unit.match(policy)
    after = rules.changed(policy, unit.now, **request.rules())
    if policy.approval_above is not None and after != policy:
        require_recent_login(caller)
        require_second_factor(caller, enrolled=second)
    unit.write(after)
    return Policy.of(after)
