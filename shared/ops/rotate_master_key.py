"""Rotate the master key: `python -m shared.ops.rotate_master_key STEP`. Writes one row per commit, so it can be
resumed.

    rotate    create a new active master key (local vault), then reseal the secrets under older ones
    status    count the secrets under each master key
    retire    delete local master keys that seal nothing any more

To continue an interrupted run, run `rotate` again: no further key is created while any secret is under an older key.
Old and new keys open secrets all the time; running processes of the local vault notice the changed file. With Cloud
KMS, KMS creates the new key version and `rotate` reseals under it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from shared import resources
from shared.auth import second_factor
from shared.domain.permissions import Caller
from shared.domain.webhooks.endpoints import Webhook
from shared.keys.local_vault import load_master_keys, save_master_keys
from shared.keys.secret_files import alone
from shared.keys.vault import Binding, KeyVault, SealedKey, reseal
from shared.ops import command_line
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.table import Table, table_of
from shared.store.tables.sign_ins import FACTORS, Factor
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.store.tables.webhooks import WEBHOOKS
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.wallets import custody
from shared.webhooks import secrets
from shared.writes.commit import commit

PAGE: Final = 500
T = TypeVar("T")
Row = VaultKey | Factor | Webhook


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row with a sealed secret in one of its columns, and the binding of the secret."""

    row: Row
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
        return self.vault.is_current(self.key)


def everything(session: Session) -> Iterator[Sealed]:
    """All sealed secrets: keys of root wallets, second factors, and the keys that sign webhook deliveries."""
    for wallets in _pages(session, WALLETS):
        roots = {wallet.key_id: wallet for wallet in wallets if wallet.parent_id is None}
        for key in session.many(VAULT_KEYS.get_many((name,) for name in roots)) if roots else ():
            root = roots[key.id]
            yield Sealed(key, custody.binding(root.user_id, root.id, key.purpose))
    for factors in _pages(session, FACTORS):
        yield from (Sealed(one, second_factor.binding(one.id)) for one in factors if one.sealed)
    for webhooks in _pages(session, WEBHOOKS):
        for one in webhooks:
            yield Sealed(one, secrets.binding(one.user_id, one.id, one.secret_version))
            if one.previous_sealed is not None:
                bound = secrets.binding(one.user_id, one.id, one.secret_version - 1)
                yield Sealed(one, bound, "previous_sealed")


def _pages(session: Session, table: Table[T]) -> Iterator[list[T]]:
    after: tuple[Any, ...] | None = None
    while rows := session.many(table.scan(after=after, limit=PAGE)):
        yield rows
        after = table.key_of(rows[-1])


def rotate(on_row: Callable[[str], None] = lambda identity: None) -> int:
    """Start or continue a rotation; returns the number of resealed secrets and calls `on_row` for each.

    Raises SecretUnusable while another process rotates the local master key."""
    if resources.settings().kms_key:
        return _rotate(on_row)
    with alone(_path()):
        return _rotate(on_row)


def _rotate(on_row: Callable[[str], None]) -> int:
    session = Session(resources.database().snapshot())
    waiting = [one for one in everything(session) if not one.current]
    if not waiting and not resources.settings().kms_key:
        path = _path()
        save_master_keys(path, load_master_keys(path).rotated())
        waiting = list(everything(session))
    done = 0
    for one in waiting:
        fresh = reseal(one.vault, one.key, one.binding)
        if fresh is not None:
            done += commit(store, one, fresh)
            on_row(one.row.id)
    return done


def store(unit: UnitOfWork, one: Sealed, fresh: SealedKey) -> bool:
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


def status() -> Counter[str]:
    """The number of secrets by master key."""
    session = Session(resources.database().snapshot())
    return Counter(one.key.master_key_id for one in everything(session))


def retire() -> list[str]:
    """Delete the local master keys that seal nothing; returns their names."""
    path = _path()
    with alone(path):
        keys, used = load_master_keys(path), status()
        gone = [name for name in keys.keys if name != keys.active and not used[name]]
        for name in gone:
            keys = keys.without(name)
        if gone:
            save_master_keys(path, keys)
    return gone


def _path() -> Path:
    return Path(resources.settings().state_dir) / "master-keys.json"


def main(arguments: list[str]) -> int:
    logs.configure()
    context = Context("rotation", new_id("req"), deadline_in(24 * 3600), caller=Caller.of_system())
    with running(context):
        if arguments == ["rotate"]:
            sys.stdout.write(f"{rotate()} secrets resealed\n")
        elif arguments == ["retire"]:
            sys.stdout.write(f"retired: {', '.join(retire()) or 'none'}\n")
        elif arguments != ["status"]:
            sys.stderr.write(f"{__doc__}\n")
            return 2
        sys.stdout.writelines(f"{name}: {count}\n" for name, count in sorted(status().items()))
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
