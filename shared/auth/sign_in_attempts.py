"""One attempt to prove a password: refused after too many failures, and counted if it fails.

The check before the password is verified only saves work. The decisive check is in the commit that ends the attempt,
successful or not, so parallel attempts are limited exactly like sequential ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared import resources
from shared.identity import lockout
from shared.identity.lockout import Guard
from shared.runtime.context import current
from shared.store.table import Query
from shared.store.tables.sign_ins import GUARDS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@dataclass(frozen=True, slots=True)
class Attempt:
    """The guard rows of an account, for this network and for all networks."""

    here: str
    everywhere: str

    @classmethod
    def on(cls, account: str) -> Attempt:
        """An attempt from the request's network on an account (an e-mail address or a user id)."""
        key = resources.settings().fingerprint_key
        here, everywhere = current().request.network, lockout.EVERYWHERE
        return cls(lockout.guard_id(account, here, key), lockout.guard_id(account, everywhere, key))

    @property
    def queries(self) -> tuple[Query[Guard | None], Query[Guard | None]]:
        """The queries for the arguments of `check`; read them together with other rows."""
        return GUARDS.find(self.here), GUARDS.find(self.everywhere)

    def check(self, here: Guard | None, everywhere: Guard | None) -> None:
        """Refuse the attempt after too many failures; call this before the password is verified.

        Raises TooManyAttempts."""
        lockout.check(here, everywhere, resources.settings().sign_in_attempts, resources.clock().now())

    def failed(self) -> None:
        """Count the failure in a separate, audited commit.

        Raises TooManyAttempts if simultaneous attempts have reached the limit. Then this attempt does not count, and
        its answer reveals nothing."""
        commit(self._count)

    def _count(self, unit: UnitOfWork) -> None:
        here, everywhere = unit.read(*self.queries)
        self.check(here, everywhere)
        unit.write(lockout.failed(here, self.here, unit.now))
        unit.write(lockout.failed(everywhere, self.everywhere, unit.now))

    def succeeded(self, unit: UnitOfWork, guard: Guard | None) -> None:
        """Record the success in the commit of the sign-in, after `check`; `guard` is the row `here` of that commit."""
        unit.write(lockout.succeeded(guard, self.here, unit.now))
