"""Passkeys of accounts: options for a page, registration, and proof at sign-in and for step-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared import resources
from shared.auth import credentials
from shared.domain.errors import Refusal
from shared.identity import passkeys
from shared.identity.errors import InvalidPasskey, NoSecondFactor
from shared.identity.passkeys import Asker, Site
from shared.identity.siwe_nonces import SpentNonce
from shared.store.session import Session
from shared.store.table import Query
from shared.store.tables.sign_ins import PASSKEYS, SPENT_NONCES, Factor, Passkey
from shared.store.unit_of_work import UnitOfWork

MAX_PASSKEYS: Final = 20  # of one account


class TooManyPasskeys(Refusal):
    code, status, message = "TOO_MANY_PASSKEYS", 409, "Delete a passkey first: an account has at most 20."


def site() -> Site:
    """The site that passkeys are bound to. Raises PasskeysUnavailable."""
    settings = resources.settings()
    return Site.of(settings.siwe_domains, ("https", "http") if settings.local else ("https",))


def new_challenge(asker: Asker) -> bytes:
    return passkeys.challenge(asker, resources.clock().now(), resources.settings().fingerprint_key)


def answered(asker: Asker, credential: Mapping[str, Any]) -> tuple[bytes, SpentNonce]:
    """The challenge that a credential answers, and the row that spends it. Raises InvalidPasskey."""
    return passkeys.spent(asker, credential, resources.clock().now(), resources.settings().fingerprint_key)


def options(asker: Asker) -> dict[str, Any]:
    """The options with which a page asks for one of the account's passkeys. Raises NoSecondFactor."""
    known = credentials.passkeys(Session(resources.database().snapshot()), asker.user_id)
    if not known:
        raise NoSecondFactor
    return passkeys.assertion_options(site(), new_challenge(asker), [one.credential_id for one in known])


@dataclass(frozen=True, slots=True)
class PasskeyProof:
    """An answer that matches a passkey of the account; it can be used once."""

    row: Passkey = field(repr=False)
    sign_count: int
    challenge: SpentNonce
    factor: str = "passkey"

    @property
    def queries(self) -> tuple[Query[Any], ...]:
        return PASSKEYS.find(self.row.id), SPENT_NONCES.find(self.challenge.id)

    def check(self, unit: UnitOfWork, factor: Factor, *rows: Any) -> Refusal | None:
        """Spend the answer. Raises InvalidPasskey if it was used before or if the passkey no longer exists."""
        row, used = rows
        counts = self.sign_count == 0 or (row is not None and self.sign_count > row.sign_count)
        if row is None or used is not None or row.public_key != self.row.public_key or not counts:
            raise InvalidPasskey
        unit.on_conflict(InvalidPasskey())
        unit.write(
            self.challenge,
            replace(
                row,
                sign_count=self.sign_count,
                last_used_at=unit.now,
                version=row.version + 1,
                updated_at=unit.now,
            ),
        )
        return None


def proof(asker: Asker, credential: Mapping[str, Any]) -> PasskeyProof:
    """Check the answer of one of the account's authenticators. Raises InvalidPasskey."""
    given, spent = answered(asker, credential)
    known = credentials.passkeys(Session(resources.database().snapshot()), asker.user_id)
    row = next((one for one in known if one.credential_id == credential.get("id")), None)
    if row is None:
        raise InvalidPasskey
    count = passkeys.asserted(site(), credential, given, row.public_key, row.sign_count)
    return PasskeyProof(row, count, spent)
