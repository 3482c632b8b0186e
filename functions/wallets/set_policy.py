"""Replace a wallet's policy as a whole. API keys may not: a policy is what bounds them."""

from __future__ import annotations

from schemas.policies import Policy, UpdatePolicy
from shared.commit import commit
from shared.domain import policies as rules
from shared.identity.permissions import Caller
from shared.operation import http
from shared.persons import require_person
from shared.store.policies import POLICIES
from shared.store.unit import UnitOfWork
from shared.store.wallets import usable


@http("PUT", "/wallets/{wallet_id}/policy", permission="wallet:write", request=UpdatePolicy, answer=Policy)
def set_policy(request: UpdatePolicy, caller: Caller) -> Policy:
    require_person(caller)
    return commit(_set, request, caller)


def _set(unit: UnitOfWork, request: UpdatePolicy, caller: Caller) -> Policy:
    wallet, found = unit.read(usable(caller, request.wallet_id), POLICIES.find(request.wallet_id))
    policy = found or rules.empty(wallet.id, wallet.user_id, unit.now)
    unit.match(policy)
    policy = rules.changed(policy, unit.now, **request.rules())
    unit.write(policy)
    return Policy.of(policy)
