"""Get a wallet's policy. Version 0 means that none was ever set: everything is allowed."""

from __future__ import annotations

from schemas.policies import GetPolicy, Policy
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets import policies as rules
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.wallets import owned


@http("GET", "/wallets/{wallet_id}/policy", permission="wallet:read", request=GetPolicy, answer=Policy)
def get_policy(request: GetPolicy, caller: Caller) -> Policy:
    session = Session(resources.database().snapshot())
    wallet, policy = session.read(owned(caller, request.wallet_id), POLICIES.find(request.wallet_id))
    if policy is None:
        return Policy.of(rules.empty(wallet.id, wallet.user_id, wallet.created_at))
    return Policy.of(policy.at(resources.clock().now()))
