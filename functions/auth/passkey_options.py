"""Get the options to create a passkey for this account.

Pass the answer to `navigator.credentials.create`.
"""

from __future__ import annotations

from schemas.second_factors import PasskeyOptions
from shared import resources
from shared.auth import credentials, passkeys
from shared.domain.permissions import Caller
from shared.identity import passkeys as webauthn
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.users import USERS


@http(
    "POST", "/auth/passkeys/options", permission=SELF, person=True, answer=PasskeyOptions, idempotency="none"
)
def passkey_options(caller: Caller) -> PasskeyOptions:
    session = Session(resources.database().snapshot())
    user = session.one(USERS.get(caller.user_id))
    known = [one.credential_id for one in credentials.passkeys(session, user.id)]
    given = passkeys.new_challenge(webauthn.Asker("register", user.id, caller.session_id or ""))
    name = user.email or user.address or user.id
    return PasskeyOptions(options=webauthn.registration_options(passkeys.site(), user.id, name, given, known))
