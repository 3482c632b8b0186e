"""Export a wallet's key as a keystore file, or as the bare key. Only for a person who has just signed in.

The export is recorded in the audit log. The key is in the first answer only: a repeated call with the same
`Idempotency-Key` does not show it. A deleted wallet can be exported as long as its key exists.
"""

from __future__ import annotations

from schemas.wallets import ExportedWallet, ExportWallet
from shared import resources
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.keys import keystore
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.sign_ins import enrolled
from shared.store.tables.wallets import VAULT_KEYS, mine
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.writes import session_check
from shared.writes.commit import commit


@http(
    "POST",
    "/wallets/{wallet_id}/export",
    permission="wallet:export",
    person=True,
    others="owner",
    request=ExportWallet,
    answer=ExportedWallet,
    needs=("signer",),
    publishes=("account-events",),
)
def export_wallet(request: ExportWallet, caller: Caller) -> ExportedWallet:
    # The audit row is committed before the answer with the key is sent.
    session = Session(resources.database().snapshot())
    signed_in = session_check.of(caller)
    wallet, second, *rows = session.read_all(
        [mine(caller, request.wallet_id, deleted=True), enrolled(caller.user_id), *signed_in.queries]
    )
    signed_in.check(*rows)
    step_up.require(caller, resources.clock().now(), enrolled=second)
    key = custody.private_key(wallet, session.one(VAULT_KEYS.get(wallet.key_id)))
    if request.format == "private_key" or request.passphrase is None:
        return commit(_note, wallet.id, ExportedWallet(private_key="0x" + key.hex()))
    file = keystore.encrypt(key, request.passphrase.get_secret_value())
    return commit(_note, wallet.id, ExportedWallet(keystore=file))


def _note(unit: UnitOfWork, wallet_id: str, answer: ExportedWallet) -> ExportedWallet:
    unit.audit(wallet_id, format="keystore" if answer.keystore else "private_key")
    notices.record(unit, unit.context.principal, "key_exported", wallet_id=wallet_id)
    return answer
