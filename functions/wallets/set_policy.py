"""Replace the whole policy of a wallet. API keys may not do this, because the policy is what limits them.

Stricter rules apply at once. Looser rules apply after a delay, during which the owner sees them and can withdraw them,
and they need the same proof as an export of the key: a stolen token is not enough for either.
"""

from __future__ import annotations

from datetime import timedelta

from schemas.policies import Policy, UpdatePolicy
from shared import resources
from shared.auth import notices
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.domain.wallets import policies as rules
from shared.domain.wallets import policy_changes
from shared.identity import step_up
from shared.runtime.operation import http
from shared.store.tables.policies import POLICIES
from shared.store.tables.sign_ins import enrolled
from shared.store.tables.users import USERS
from shared.store.tables.wallets import mine
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "PUT",
    "/wallets/{wallet_id}/policy",
    permission="wallet:write",
    person=True,
    others="owner",
    request=UpdatePolicy,
    answer=Policy,
    publishes=("account-events",),
)
def set_policy(request: UpdatePolicy, caller: Caller) -> Policy:
    return commit(_set, request, caller)


def _added_approvers(unit: UnitOfWork, policy: rules.Policy, after: rules.Policy) -> list[str]:
    """The ids of the added approvers. Raises InvalidValue unless each has an account that may sign in."""
    new = sorted({*(after.approvers or ())} - {*(policy.approvers or ())})
    people = unit.many(USERS.get_many((name,) for name in new)) if new else []
    if len([person for person in people if not person.disabled]) != len(new):
        raise InvalidValue("approvers", "must be ids of people who have accounts")
    return new


def _set(unit: UnitOfWork, request: UpdatePolicy, caller: Caller) -> Policy:
    wallet, current, second = unit.read(
        mine(caller, request.wallet_id), POLICIES.find(request.wallet_id), enrolled(caller.user_id)
    )
    policy = current.at(unit.now) if current else rules.empty(wallet.id, wallet.user_id, unit.now)
    unit.match(policy)
    delay = timedelta(seconds=resources.settings().policy_delay_seconds)
    after = policy_changes.change(policy, request.rules(), unit.now, delay)
    guarded = policy.approval_above is not None and after != policy
    if guarded or policy_changes.loosens(policy, after):
        step_up.require(caller, unit.now, enrolled=second)
    for approver in _added_approvers(unit, policy, after):
        notices.record(unit, wallet.user_id, "approver_added", wallet_id=wallet.id, approver_id=approver)
    if policy_changes.loosens(policy, after):
        notices.record(unit, wallet.user_id, "policy_loosened", wallet_id=wallet.id)
    if after != policy:
        shown = [Policy.of(one).model_dump(mode="json") for one in (policy, after)]
        unit.audit(wallet.id, before=shown[0], after=shown[1])
    unit.write(after)
    return Policy.of(after)
