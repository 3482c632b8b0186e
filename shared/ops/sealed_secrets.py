"""All sealed secrets of the database; shared by `rotate_master_key`, `export_keys` and `restore_drill`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from shared import resources
from shared.auth import second_factor
from shared.domain.webhooks.endpoints import Webhook
from shared.keys.errors import KeyFault
from shared.keys.vault import Binding, KeyVault, SealedKey
from shared.store.session import Session
from shared.store.table import Table, table_of
from shared.store.tables.sign_ins import FACTORS, Factor
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.store.tables.webhooks import WEBHOOKS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.webhooks import secrets

PAGE: Final = 500
T = TypeVar("T")
Place = tuple[str, str, str]  # the row's class, its id, the column


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A row with a sealed secret in one of its columns, and the binding of the secret."""

    row: VaultKey | Factor | Webhook
    binding: Binding
    column: str = "sealed"

    @property
    def key(self) -> SealedKey:
        return SealedKey.from_bytes(getattr(self.row, self.column))

    @property
    def vault(self) -> KeyVault:
        return resources.webhook_vault() if isinstance(self.row, Webhook) else resources.vault()

    @property
    def current(self) -> bool:
        """Whether it is sealed under the active master key."""
        return self.vault.is_current(self.key)

    @property
    def place(self) -> Place:
        """Where it is stored, which reveals nothing about its content."""
        return type(self.row).__name__, self.row.id, self.column

    def opens(self) -> bool:
        """Whether its own master key opens it. Raises VaultUnavailable."""
        try:
            self.vault.open(self.key, self.binding)
        except KeyFault:
            return False
        return True


def every() -> Iterator[SealedSecret]:
    """All sealed secrets: keys of root wallets, second factors, and the keys that sign webhook deliveries."""
    session = Session(resources.database().snapshot())
    for wallets in _pages(session, WALLETS):
        roots = {wallet.key_id: wallet for wallet in wallets if wallet.parent_id is None}
        for key in session.many(VAULT_KEYS.get_many((name,) for name in roots)) if roots else ():
            root = roots[key.id]
            yield SealedSecret(key, custody.binding(root.user_id, root.id, key.purpose))
    for factors in _pages(session, FACTORS):
        yield from (SealedSecret(one, second_factor.binding(one.id)) for one in factors if one.sealed)
    for webhooks in _pages(session, WEBHOOKS):
        for one in webhooks:
            yield SealedSecret(one, secrets.binding(one.user_id, one.id, one.secret_version))
            if one.previous_sealed is not None:
                bound = secrets.binding(one.user_id, one.id, one.secret_version - 1)
                yield SealedSecret(one, bound, "previous_sealed")


def _pages(session: Session, table: Table[T]) -> Iterator[list[T]]:
    after: tuple[Any, ...] | None = None
    while rows := session.many(table.scan(after=after, limit=PAGE)):
        yield rows
        after = table.key_of(rows[-1])


def store(unit: UnitOfWork, one: SealedSecret, fresh: SealedKey) -> bool:
    """Store the resealed secret, unless the row has changed: then the other writer has already sealed it again."""
    table: Table[Any] = table_of(one.row)
    current = unit.maybe(table.find(one.row.id))
    if current is None or getattr(current, one.column) != getattr(one.row, one.column):
        return False
    changed: dict[str, Any] = {one.column: fresh.to_bytes()}
    if not isinstance(one.row, Webhook):
        changed["master_key_id"] = fresh.master_key_id
    unit.write(replace(current, **changed, version=current.version + 1, updated_at=unit.now))
    return True
