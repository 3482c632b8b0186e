"""Sign a text message with a wallet (EIP-191). Raw hashes are never signed; a paused wallet signs nothing.

Each signature has a row in the audit log.
"""

from __future__ import annotations

from schemas.wallets import Signature, SignMessage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets import policies
from shared.keys import messages
from shared.runtime.operation import http
from shared.store.session import Session
from shared.wallets import policy_denials, signing


@http(
    "POST",
    "/wallets/{wallet_id}/sign-message",
    permission="wallet:sign",
    request=SignMessage,
    answer=Signature,
    needs=("signer",),
)
def sign_message(request: SignMessage, caller: Caller) -> Signature:
    session = Session(resources.database().snapshot())
    wallet, policy = signing.wallet_and_policy(session, caller, request.wallet_id)
    with policy_denials.audited(wallet.id):
        signing.check_message(caller, request.message)
        if policy is not None:
            policies.check_message(policy, request.message)
    key = signing.private_key(session, wallet)
    return signing.record_use(wallet, messages.sign_message(request.message, key))
