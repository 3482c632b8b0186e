"""The second factor, at sign-in and for step-up.

A code is valid once. After five wrong codes in a row the user must wait, and then again after each further one.

Whoever knows the password can send wrong codes. So they count for all networks together, except those from which the
user has proved the second factor within 30 days: each of these counts alone, and the owner is not locked out at home. A
success there does not end the waiting elsewhere, which would give a guesser five more codes. All networks are forgotten
when the account's sign-ins end, and with the app itself: a thief may have been at home in one of them.

Whoever sends wrong codes has the rest of what signs in, so the owner is notified, but not of every slip of a finger.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared import resources
from shared.auth import notices
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import lockout, recovery_codes, refresh_tokens, totp
from shared.identity.errors import (
    InvalidOneTimeCode,
    InvalidRefreshToken,
    NoSecondFactor,
    SecondFactorRequired,
)
from shared.identity.lockout import Guard, TooManyAttempts
from shared.identity.passkeys import Asker
from shared.identity.refresh_tokens import RefreshFamily
from shared.runtime.context import current
from shared.store.session import Session
from shared.store.table import Query
from shared.store.tables.sign_ins import FACTORS, GUARDS, SESSIONS, Factor
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from pydantic import SecretStr

    from shared.keys.vault import Binding

MAX_FAILURES: Final = 5
WAIT: Final = timedelta(minutes=15)
WARN_AT: Final = 3  # wrong codes in a row of which the owner is notified
WARN_AGAIN: Final = timedelta(hours=6)  # at the earliest, for each account


class SecondFactorExists(Refusal):
    code, status = "SECOND_FACTOR_EXISTS", 409
    message = "The account has an authenticator app; remove it before another is added."


class Proof(Protocol):
    """The proof that a user presented, with everything that had to be read before the transaction."""

    @property
    def factor(self) -> str:
        """The name of the factor in a session: otp or passkey."""
        ...

    @property
    def queries(self) -> tuple[Query[Any], ...]:
        """The queries for the rows of `check`; read them together with the factor."""
        ...

    def check(self, unit: UnitOfWork, factor: Factor, *rows: Any) -> Refusal | None:
        """Write what the attempt changes, and return the refusal to raise after that is committed.

        Raises TooManyAttempts, and refusals that change nothing."""
        ...


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code of the authenticator app or a recovery code, and the opened secret to check it with."""

    code: str = field(repr=False)
    secret: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    codes: list[str] = field(repr=False)  # new recovery codes, stored if this code confirms the app
    network: str  # the id of the guard row that counts the codes for this user from the request's network
    factor: str = "otp"

    @property
    def queries(self) -> tuple[Query[Any], ...]:
        return (GUARDS.find(self.network),)

    def check(self, unit: UnitOfWork, factor: Factor, *rows: Any) -> Refusal | None:
        if factor.sealed != self.sealed:  # another app was added in the meantime
            raise InvalidOneTimeCode
        hashes = tuple(recovery_codes.hashed(one) for one in self.codes)
        here: Guard | None = rows[0]
        known = here is not None and here.trusted(unit.now, factor.trusted_after)
        counted = _counted_at(factor, here) if here is not None and known else factor
        after, refusal = checked(counted, self.secret, self.code, hashes, unit.now)
        if refusal is None:
            unit.write(lockout.succeeded(here, self.network, unit.now, factor.trusted_after))
        elif here is not None and known:
            unit.write(replace(here, failures=after.failures, since=unit.now, updated_at=unit.now))
        failures = after.failures
        if known:
            after = replace(after, failures=factor.failures, failed_at=factor.failed_at)
        unit.write(after if refusal is None else _noticed(unit, after, failures))
        return refusal


def _noticed(unit: UnitOfWork, factor: Factor, failures: int) -> Factor:
    """The factor after a wrong code has an audit row, and its owner a notice if it is time for one."""
    unit.audit(factor.id, wrong_codes=failures)
    warned = factor.warned_at is not None and unit.now - factor.warned_at < WARN_AGAIN
    if failures < WARN_AT or warned or not factor.enrolled:
        return factor
    notices.record(unit, factor.id, "second_factor_refused", wrong_codes=str(failures))
    return replace(factor, warned_at=unit.now)


def _network_of(user_id: str) -> str:
    """The id of the guard row that counts the codes for this user from the request's network."""
    account, key = f"second factor {user_id}", resources.settings().fingerprint_key
    return lockout.guard_id(account, current().request.network, key)


def _counted_at(factor: Factor, here: Guard) -> Factor:
    """The factor with the wrong codes of one network only."""
    return replace(factor, failures=here.failures, failed_at=here.since)


def proved_in_session(
    unit: UnitOfWork, caller: Caller, proof: Proof
) -> tuple[User, Factor, RefreshFamily, Refusal | None]:
    """Check the proof that a caller presents in their session: the account, the second factor from before, the session,
    and the refusal to raise after this is committed (None: the session has the proof).

    Raises NotFound without a second factor, InvalidRefreshToken if the session has ended, and like `Proof.check`."""
    user, factor, family, *rows = unit.read_all(
        [
            USERS.get(caller.user_id),
            FACTORS.get(caller.user_id),
            SESSIONS.find(caller.session_id),
            *proof.queries,
        ]
    )
    if family is None or family.revoked_at is not None or family.user_id != user.id or user.disabled:
        raise InvalidRefreshToken
    refusal = proof.check(unit, factor, *rows)
    if refusal is None:
        family = refresh_tokens.stepped_up(family, proof.factor, unit.now)
        unit.write(family)
        unit.note(family.id)
    return user, factor, family, refusal


def presented(user_id: str, otp: SecretStr | None, passkey: Mapping[str, Any] | None) -> Proof | None:
    """The proof in a sign-in request; None if there is none or the account has no second factor to check it with.

    Raises InvalidPasskey."""
    if passkey is not None:
        from shared.auth import passkeys

        return passkeys.proof(Asker("sign-in", user_id, ""), passkey)
    if otp is None:
        return None
    with suppress(NoSecondFactor):
        return code_proof(user_id, otp.get_secret_value(), confirmed=True)
    return None


def with_challenge(user_id: str, refusal: SecondFactorRequired) -> SecondFactorRequired:
    """The refusal, with a challenge for the account's passkeys if it has any."""
    if "passkey" in refusal.data["factors"]:
        from shared.auth import passkeys

        refusal.data["passkey"] = passkeys.options(Asker("sign-in", user_id, ""))
    return refusal


def code_proof(user_id: str, code: str, *, confirmed: bool = False) -> CodeProof:
    """The proof for a code. Opens the vault, so only operations declared as signers may call this.

    `confirmed` ignores an app that was never confirmed: a sign-in must not confirm one, because it could not show the
    recovery codes. Raises NoSecondFactor."""
    factor = Session(resources.database().snapshot()).maybe(FACTORS.find(user_id))
    if factor is None:
        raise NoSecondFactor
    from shared.wallets import custody

    counts = bool(factor.sealed) and (factor.confirmed_at is not None or not confirmed)
    secret = custody.open_sealed(factor.sealed, binding(factor.id)) if counts else b""
    return CodeProof(code, secret, factor.sealed, recovery_codes.generate(), _network_of(factor.id))


def binding(user_id: str) -> Binding:
    """The binding of the sealed secret."""
    from shared.keys.vault import Binding

    return Binding(tenant=user_id, wallet_id=user_id, purpose="totp", key_version=1)


def wait_after_failures(factor: Factor, now: datetime) -> None:
    """Raises TooManyAttempts while the user must wait after too many wrong attempts."""
    if factor.failures >= MAX_FAILURES and factor.failed_at and now - factor.failed_at < WAIT:
        raise TooManyAttempts(factor.failed_at + WAIT - now)


def succeeded(factor: Factor, now: datetime) -> Factor:
    """The factor after a correct attempt, which resets the failures."""
    return replace(factor, failures=0, failed_at=None, version=factor.version + 1, updated_at=now)


def failed(factor: Factor, now: datetime) -> Factor:
    """The factor after one more wrong attempt."""
    return replace(
        factor, failures=factor.failures + 1, failed_at=now, version=factor.version + 1, updated_at=now
    )


def checked(
    factor: Factor, secret: bytes, code: str, fresh: tuple[str, ...], now: datetime
) -> tuple[Factor, Refusal | None]:
    """Check a code: the factor to store, and the refusal to raise after it is stored.

    `fresh` are the hashes of the recovery codes to store if the code confirms the app. Raises TooManyAttempts."""
    wait_after_failures(factor, now)
    after = succeeded(factor, now)
    hashed = recovery_codes.hashed(code)
    if factor.enrolled and hashed in factor.recovery:
        return replace(after, recovery=tuple(one for one in factor.recovery if one != hashed)), None
    if not secret:
        return failed(factor, now), InvalidOneTimeCode()
    try:
        step = totp.verify(secret, code, now, factor.last_step)
    except InvalidOneTimeCode as refusal:
        return failed(factor, now), refusal
    if factor.confirmed_at is None:
        after = replace(after, confirmed_at=now, recovery=after.recovery or fresh)
    return replace(after, last_step=step), None
