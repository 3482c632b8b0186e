"""Get a challenge to prove one of the account's passkeys (step-up).

Pass the answer to `navigator.credentials.get`.
"""

from __future__ import annotations

from schemas.second_factors import PasskeyOptions
from shared.auth import passkeys
from shared.domain.permissions import Caller
from shared.identity.passkeys import Asker
from shared.runtime.operation import SELF, http


@http(
    "POST",
    "/auth/passkeys/challenge",
    permission=SELF,
    person=True,
    answer=PasskeyOptions,
    idempotency="none",
)
def challenge_passkey(caller: Caller) -> PasskeyOptions:
    asker = Asker("step-up", caller.user_id, caller.session_id or "")
    return PasskeyOptions(options=passkeys.options(asker))
