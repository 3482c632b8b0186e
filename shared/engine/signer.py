"""Open keys and sign; only operations declared with `needs=("signer", …)` use this module.

A key is opened for one piece of work and never kept; a treasury's key stays in Cloud KMS. The derived address must be
the wallet's own: a wrong row can prevent a signature, but never produce one of another account.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import resources
from shared.chain.registry import ChainSpec
from shared.domain.transactions import approvals
from shared.domain.transactions.attempts import Plan
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies
from shared.domain.wallets.policies import Policy, PolicyDenied
from shared.keys.errors import KeyFault
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.wallets import VAULT_KEYS, WALLETS
from shared.telemetry import metrics
from shared.wallets import approval, custody
from shared.wallets.policy_enforcement import outflow_of

if TYPE_CHECKING:
    from shared.keys.accounts import Signer


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed bytes and their hash. Anyone can broadcast `raw` until its nonce is final."""

    raw: bytes = field(repr=False)
    hash: str


class Keys:
    """The keys of some wallets, opened on first use and held as long as this object lives."""

    def __init__(self, session: Session, wallet_ids: Iterable[str]) -> None:
        wanted = sorted(set(wallet_ids))
        wallets = session.many(WALLETS.get_many([(one,) for one in wanted])) if wanted else []
        sealed, rules = (
            session.read(
                VAULT_KEYS.get_many([(one.key_id,) for one in wallets]),
                POLICIES.get_many([(one.id,) for one in wallets]),
            )
            if wallets
            else ([], [])
        )
        now = resources.clock().now()
        self._policies = {policy.id: policy.at(now) for policy in rules}
        self._wallets = {wallet.id: wallet for wallet in wallets}
        self._sealed = {key.id: key for key in sealed}
        self._open: dict[str, Signer] = {}

    def __repr__(self) -> str:
        return f"Keys({sorted(self._wallets)})"

    def sign(self, spec: ChainSpec, transaction: Transaction, planned: Plan, nonce: int) -> Signed:
        """Sign the planned attempt with this nonce, if the wallet's policy still allows it and, above its threshold,
        people who still may approve it approved exactly this payload and this cost. The engine's no-op is always
        allowed; a payment was checked when its claim was processed. Raises PolicyDenied, KeyFault, VaultUnavailable."""
        try:
            return self._sign(spec, transaction, planned, nonce)
        except (PolicyDenied, KeyFault) as refused:
            reason = "policy" if isinstance(refused, PolicyDenied) else "key"
            metrics.SIGNER_DENIALS.add(reason=reason)
            raise

    def _sign(self, spec: ChainSpec, transaction: Transaction, planned: Plan, nonce: int) -> Signed:
        policy = self._policies.get(transaction.wallet_id)
        if policy is not None and planned.kind == "payload" and not transaction.is_payment:
            fee, required = transaction.committed_gas, policy.approvals_required or 1
            outflow = outflow_of(transaction, fee)
            policies.check(policy, outflow)
            if policies.needs_approval(policy, outflow) and not approvals.is_approved(
                transaction, required, fee, _standing(policy, transaction)
            ):
                raise PolicyDenied("A second person has to approve this.", rule="approval_above")
        signed = self._signer(transaction).sign_transaction(fields(spec, transaction, planned, nonce))
        return Signed(signed.raw, "0x" + signed.hash.hex())

    def _signer(self, transaction: Transaction) -> Signer:
        if transaction.wallet_id not in self._open:
            wallet = self._wallets.get(transaction.wallet_id)
            sealed = self._sealed.get(wallet.key_id) if wallet else None
            if wallet is None or sealed is None:
                raise KeyFault("the wallet's key is not here any more")
            if wallet.address != transaction.from_address or wallet.chain != transaction.chain:
                raise custody.WrongKey("the transaction is of another address than its wallet")
            self._open[transaction.wallet_id] = custody.signer(wallet, sealed)
        return self._open[transaction.wallet_id]


def _standing(policy: Policy, transaction: Transaction) -> frozenset[str]:
    """Those who approved the transaction and still may."""
    session = Session(resources.database().snapshot())
    return approval.standing(session, policy, approvals.givers(transaction))


def fields(spec: ChainSpec, transaction: Transaction, planned: Plan, nonce: int) -> dict[str, Any]:
    """The fields to sign, with JSON-RPC names: the payload, or a no-op (zero value to the sender itself)."""
    signed_fields: dict[str, Any] = {"chainId": spec.chain_id, "nonce": nonce, "gas": planned.gas}
    if planned.fees.kind == "legacy":
        signed_fields["gasPrice"] = planned.fees.gas_price
    else:
        signed_fields["maxFeePerGas"] = planned.fees.max_fee_per_gas
        signed_fields["maxPriorityFeePerGas"] = planned.fees.max_priority_fee_per_gas
    if planned.kind == "noop":
        return signed_fields | {"to": transaction.from_address, "value": 0}
    if transaction.access_list:
        signed_fields["accessList"] = json.loads(transaction.access_list)
    return signed_fields | {"to": transaction.to, "value": transaction.value, "data": transaction.data}
