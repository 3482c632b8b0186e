"""Add a passkey as a second factor.

If it is the account's first second factor, the answer contains recovery codes. They are shown only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.second_factors import AddedPasskey, AddPasskey, Passkey
from shared.auth import credentials, notices, passkeys
from shared.auth.passkeys import MAX_PASSKEYS, TooManyPasskeys
from shared.domain.permissions import Caller
from shared.identity import passkeys as webauthn
from shared.identity import recovery_codes, step_up
from shared.identity.errors import InvalidPasskey
from shared.identity.passkeys import Registered
from shared.identity.siwe_nonces import SpentNonce
from shared.runtime.operation import SELF, http
from shared.store.tables import sign_ins
from shared.store.tables.sign_ins import FACTORS, Factor
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/passkeys",
    permission=SELF,
    person=True,
    request=AddPasskey,
    answer=AddedPasskey,
    status=201,
    idempotency="none",
    publishes=("account-events",),
)
def add_passkey(request: AddPasskey, caller: Caller) -> AddedPasskey:
    asker = webauthn.Asker("register", caller.user_id, caller.session_id or "")
    given, spent = passkeys.answered(asker, request.credential)
    made = webauthn.registered(passkeys.site(), request.credential, given)
    return commit(_add, caller, request.name, _New(made, spent, recovery_codes.generate()))


@dataclass(frozen=True, slots=True)
class _New:
    """A registered passkey, the challenge that it answered, and recovery codes for an account's first second factor."""

    key: Registered
    challenge: SpentNonce
    codes: list[str] = field(repr=False)


def _add(unit: UnitOfWork, caller: Caller, name: str, new: _New) -> AddedPasskey:
    made, codes = new.key, new.codes
    factor = unit.maybe(FACTORS.find(caller.user_id))
    known = credentials.passkeys(unit, caller.user_id)
    step_up.require(caller, unit.now, enrolled=factor is not None and factor.enrolled)
    if len(known) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    if any(one.credential_id == made.id for one in known):
        raise InvalidPasskey
    row = sign_ins.Passkey(
        unit.new_id("pky"), caller.user_id, made.id, made.public_key, made.sign_count, name, None, 1,
        unit.now, unit.now,
    )  # fmt: skip
    before = factor or _empty_factor(caller.user_id, unit)
    hashes = before.recovery or tuple(recovery_codes.hashed(one) for one in codes)
    after = replace(
        before,
        passkeys=len(known) + 1,
        recovery=hashes,
        version=before.version + 1,
        updated_at=unit.now,
    )
    unit.on_conflict(InvalidPasskey())  # a challenge can be used once
    unit.write(row, after, new.challenge)
    unit.note(row.id)
    notices.record(unit, caller.user_id, "second_factor_added", factor="passkey", passkey_id=row.id)
    return AddedPasskey(passkey=Passkey.of(row), recovery_codes=None if before.recovery else codes)


def _empty_factor(user_id: str, unit: UnitOfWork) -> Factor:
    return Factor(user_id, b"", "", None, None, (), 0, None, 0, unit.now, unit.now, trusted_after=unit.now)
