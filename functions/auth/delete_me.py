"""Delete the caller's account: keys are shredded at once, the person is forgotten, the books keep an empty id.

Refused while a wallet holds anything or somebody still relies on it. There is no way back."""

from __future__ import annotations

from shared import persons, privacy, resources
from shared.commit import commit
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.store.factors import enrolled
from shared.store.session import Session


@http("DELETE", "/auth/me", permission=SELF, status=204, needs=("chain",), publishes=("supply-events",))
def delete_me(caller: Caller) -> None:
    persons.require_recent_login(caller)
    session = Session(resources.database().snapshot())
    persons.require_second_factor(caller, enrolled=session.one(enrolled(caller.user_id)))
    wallets = privacy.wallets_of(session, caller.user_id)
    privacy.refuse_funds(wallets)
    commit(privacy.erase, caller.user_id, frozenset(wallet.id for wallet in wallets))
