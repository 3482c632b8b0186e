"""Who may give the approval that a wallet's policy requires. The person's rows decide it, not the claims of a token."""

from __future__ import annotations

from collections.abc import Sequence

from shared import resources
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller, grants, permissions_of
from shared.domain.transactions import approvals
from shared.domain.transactions.transactions import Transaction
from shared.domain.users import User
from shared.domain.wallets.policies import Policy, PolicyDenied
from shared.identity import step_up
from shared.runtime.errors import Forbidden
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.sign_ins import enrolled
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork

PERMISSION = "admin:approve"


def policy_for(unit: Session, caller: Caller, transaction: Transaction) -> Policy | None:
    """The policy of a transaction's wallet, if this person may approve what exceeds it.

    Raises NotFound if the caller may not see the transaction, Forbidden, StepUpRequired, OwnTransaction."""
    step_up.require_person(caller)
    person, owner, policy, second = unit.read(
        USERS.find(caller.user_id),
        USERS.find(transaction.user_id),
        POLICIES.find(transaction.wallet_id),
        enrolled(caller.user_id),
    )
    policy = policy.at(resources.clock().now()) if policy is not None else None
    if (
        person is None
        or person.disabled
        or not approvals.may_approve(policy, person.id, administrator=_may(person))
    ):
        if not caller.sees(transaction.user_id):
            raise NotFound
        if caller.user_id == transaction.user_id:
            raise approvals.OwnTransaction
        raise Forbidden.lacks(PERMISSION)
    step_up.require(caller, resources.clock().now(), enrolled=second)
    if owner is not None and owner.disabled:
        raise Forbidden("The account that this wallet belongs to is disabled.")
    return policy


def standing(session: Session, policy: Policy | None, people: Sequence[str]) -> frozenset[str]:
    """Those of the people who may approve for a wallet now. An approval counts only as long as this is so: not after
    its giver was removed from the policy, lost the role or was disabled."""
    rows = session.many(USERS.get_many((one,) for one in people)) if people else []
    return frozenset(
        person.id
        for person in rows
        if not person.disabled and approvals.may_approve(policy, person.id, administrator=_may(person))
    )


def by_processor(unit: UnitOfWork, payment: Transaction) -> Transaction:
    """Approve a payment above its wallet's threshold in the name of the administrator who processes the claim.

    That is one approval. Raises PolicyDenied if the caller is the payer or no administrator, or if the policy requires
    more approvals, and StepUpRequired."""
    caller = unit.context.caller
    denied = PolicyDenied("An administrator has to process this claim.", rule="approval_above")
    if caller is None or caller.user_id == payment.user_id:
        raise denied
    person, second, policy = unit.read(
        USERS.find(caller.user_id), enrolled(caller.user_id), POLICIES.find(payment.wallet_id)
    )
    if person is None or person.disabled or not _may(person):
        raise denied
    if policy is not None and (policy.at(unit.now).approvals_required or 1) > 1:
        raise PolicyDenied("More than one person has to approve this payment.", rule="approval_above")
    step_up.require_acting(caller, resources.clock().now(), enrolled=second)
    return approvals.approved(payment, person.id)


def _may(person: User) -> bool:
    return grants(permissions_of(person.roles), PERMISSION)
