"""Delete the caller's account: personal data is removed at once, keys of wallets are kept for 30 days.

The request is refused while one of its wallets holds something, or others still rely on the account: export or empty
the wallets first. The answer names what could not be checked, such as tokens that are not registered.
"""

from __future__ import annotations

from schemas.auth import AccountDeletion, DeleteMe
from shared import resources
from shared.auth import personal_data
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import enrolled
from shared.wallets import deletion
from shared.writes.commit import commit

EXPORT = ["GET /auth/me/export", "POST /wallets/{wallet_id}/export"]
NOT_LOOKED_AT = [
    "tokens that are not in the registry (GET /wallets/{wallet_id}/balance)",
    "NFTs",
    "other chains",
]


@http(
    "DELETE",
    "/auth/me",
    permission=SELF,
    person=True,
    request=DeleteMe,
    answer=AccountDeletion,
    needs=("chain",),
    publishes=("supply-events",),
)
def delete_me(request: DeleteMe, caller: Caller) -> AccountDeletion:
    session, now = Session(resources.database().snapshot()), resources.clock().now()
    step_up.require(caller, now, enrolled=session.one(enrolled(caller.user_id)))
    wallets = personal_data.wallets_of(session, caller.user_id)
    examined = personal_data.examine(wallets)
    if wallets and not request.confirm:
        raise personal_data.ConfirmDeletion(None, wallets=[wallet.id for wallet in wallets], export=EXPORT)
    commit(personal_data.erase, caller.user_id, frozenset(wallet.id for wallet in wallets))
    return AccountDeletion(wallets=examined, not_looked_at=NOT_LOOKED_AT, keys_kept_until=now + deletion.KEPT)
