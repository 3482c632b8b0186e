"""Sign typed data (EIP-712) whose domain names the wallet's chain.

Typed data may be a permit, an order or a signed call. The policy judges what it allows others to take, and counts
that against the daily limits.
"""

from __future__ import annotations

from schemas.wallets import Signature, SignTypedData
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets import policies
from shared.domain.wallets.outflows import typed_data
from shared.keys import messages
from shared.runtime.operation import http
from shared.store.session import Session
from shared.wallets import policy_denials, signing


@http(
    "POST",
    "/wallets/{wallet_id}/sign-typed-data",
    permission="wallet:sign",
    request=SignTypedData,
    answer=Signature,
    needs=("signer",),
)
def sign_typed_data(request: SignTypedData, caller: Caller) -> Signature:
    session, document = Session(resources.database().snapshot()), request.typed_data
    wallet, policy = signing.wallet_and_policy(session, caller, request.wallet_id)
    with policy_denials.audited(wallet.id):
        signing.check_sign_in_data(caller, document)
        if policy is not None:  # before a key is opened; the commit decides again, with the day's spending
            outflow = typed_data.of_typed_data(wallet.address, document)
            policies.decide_typed_data(policy, outflow, typed_data.named(document), {})
        chain_id = resources.registry().chain(wallet.chain).chain_id
        key = signing.private_key(session, wallet)
        return signing.record_use(wallet, messages.sign_typed_data(document, key, chain_id), document)
