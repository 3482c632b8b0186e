"""One attempt to prove a password: refused when there were too many, counted when it fails, trusted when not.

Attempts at the same moment are checked before any of them is counted; how many that can be is bounded by the
password gate of each instance (two at once)."""

from __future__ import annotations

from dataclasses import dataclass

from shared import resources
from shared.commit import commit
from shared.context import current
from shared.identity import lockout
from shared.store.session import Session
from shared.store.sessions import GUARDS
from shared.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Attempt:
    """The guard rows of an account here and everywhere."""

    here: str
    everywhere: str

    @classmethod
    def checked(cls, session: Session, email: str) -> Attempt:
        """Raises TooManyAttempts."""
        settings = resources.settings()
        here, everywhere = (
            lockout.guard_id(email, network, settings.fingerprint_key)
            for network in (current().network, lockout.EVERYWHERE)
        )
        rows = session.read(GUARDS.find(here), GUARDS.find(everywhere))
        lockout.check(*rows, settings.sign_in_attempts, resources.clock().now())
        return cls(here, everywhere)

    def failed(self) -> None:
        """Count it, in a commit of its own (audited)."""
        commit(self._count)

    def _count(self, unit: UnitOfWork) -> None:
        here, everywhere = unit.read(GUARDS.find(self.here), GUARDS.find(self.everywhere))
        unit.write(lockout.failed(here, self.here, unit.now))
        unit.write(lockout.failed(everywhere, self.everywhere, unit.now))

    def succeeded(self, unit: UnitOfWork, guard: lockout.Guard | None) -> None:
        """In the commit of the sign-in; `guard` is the row `here` as that commit read it."""
        unit.write(lockout.succeeded(guard, self.here, unit.now))
