"""Delete the caller's account: keys are shredded at once, the person is forgotten, the books keep an empty id.

Refused while a wallet holds anything or somebody still relies on it. There is no way back."""

from __future__ import annotations

from shared import resources
from shared.auth import personal_data
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import enrolled
from shared.writes.commit import commit


@http(
    "DELETE",
    "/auth/me",
    permission=SELF,
    person=True,
    status=204,
    needs=("chain",),
    publishes=("supply-events",),
)
def delete_me(caller: Caller) -> None:
    session = Session(resources.database().snapshot())
    step_up.require(caller, resources.clock().now(), enrolled=session.one(enrolled(caller.user_id)))
    wallets = personal_data.wallets_of(session, caller.user_id)
    personal_data.refuse_funds(wallets)
    commit(personal_data.erase, caller.user_id, frozenset(wallet.id for wallet in wallets))
