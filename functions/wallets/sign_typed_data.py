"""Sign typed data (EIP-712) whose domain names the wallet's chain. It may be a permit, so policies bound it."""

from __future__ import annotations

from typing import Any

from schemas.wallets import Signature, SignTypedData
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets import policies
from shared.keys import messages
from shared.runtime.operation import http
from shared.store.session import Session
from shared.wallets import policy_enforcement, signing


@http(
    "POST",
    "/wallets/{wallet_id}/sign-typed-data",
    permission="wallet:sign",
    request=SignTypedData,
    answer=Signature,
    needs=("signer",),
)
def sign_typed_data(request: SignTypedData, caller: Caller) -> Signature:
    session = Session(resources.database().snapshot())
    wallet, policy = signing.wallet_and_policy(session, caller, request.wallet_id)
    with policy_enforcement.denials_audited(wallet.id):
        if policy is not None:
            policies.check_typed_data(policy, _contract(request.typed_data))
    chain_id = resources.registry().chain(wallet.chain).chain_id
    key = signing.private_key(session, wallet)
    return signing.record_use(wallet, messages.sign_typed_data(request.typed_data, key, chain_id))


def _contract(typed_data: dict[str, Any]) -> str | None:
    """The domain's verifying contract, if it names one."""
    domain = typed_data.get("domain")
    contract = domain.get("verifyingContract") if isinstance(domain, dict) else None
    return contract if isinstance(contract, str) else None
