"""Rotate the master key: `python -m shared.ops.rotate_master_key STEP`. One row per commit, resumable at any point.

    rotate    a new active master key (local vault), then reseal what is under older ones
    status    how many secrets are under which master key
    retire    forget local master keys that seal nothing any more

A run that was interrupted is continued by running `rotate` again: while anything is under an older key, no further
key is made. Old and new open all the time; running processes of the local vault notice the changed file. With Cloud
KMS, KMS makes the new key version and `rotate` reseals under it.
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
from shared.keys.local_vault import load_master_keys, save_master_keys
from shared.keys.secret_files import alone
from shared.keys.vault import Binding, SealedKey, reseal
from shared.ops import entrance
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.table import Table
from shared.store.tables.sign_ins import FACTORS, Factor
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.wallets import custody
from shared.writes.commit import commit

PAGE: Final = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row with a sealed secret and what it is bound to."""

    row: VaultKey | Factor
    binding: Binding


def everything(session: Session) -> Iterator[Sealed]:
    """Every sealed secret: the keys of root wallets, and second factors."""
    for wallets in _pages(session, WALLETS):
        roots = {wallet.key_id: wallet for wallet in wallets if wallet.parent_id is None}
        for key in session.one(VAULT_KEYS.get_many((name,) for name in roots)) if roots else ():
            root = roots[key.id]
            yield Sealed(key, custody.binding(root.user_id, root.id, key.purpose))
    for factors in _pages(session, FACTORS):
        yield from (Sealed(one, second_factor.binding(one.id)) for one in factors if one.sealed)


def _pages(session: Session, table: Table[T]) -> Iterator[list[T]]:
    after: tuple[Any, ...] | None = None
    while rows := session.one(table.scan(after=after, limit=PAGE)):
        yield rows
        after = table.key_of(rows[-1])


def rotate(on_row: Callable[[str], None] = lambda identity: None) -> int:
    """Begin or continue a rotation; how many secrets were resealed. `on_row` hears of each.

    Raises SecretUnusable while another process rotates the local master key."""
    if resources.settings().kms_key:
        return _rotate(on_row)
    with alone(_path()):
        return _rotate(on_row)


def _rotate(on_row: Callable[[str], None]) -> int:
    vault = resources.vault()
    session = Session(resources.database().snapshot())
    waiting = [one for one in everything(session) if not vault.is_current(_of(one))]
    if not waiting and not resources.settings().kms_key:
        path = _path()
        save_master_keys(path, load_master_keys(path).rotated())
        waiting = list(everything(session))
    done = 0
    for one in waiting:
        fresh = reseal(vault, _of(one), one.binding)
        if fresh is not None:
            done += commit(_store, one.row, fresh)
            on_row(one.row.id)
    return done


def _store(unit: UnitOfWork, row: VaultKey | Factor, fresh: SealedKey) -> bool:
    """Unless the row changed in the meantime: then it was sealed again by whoever changed it."""
    table: Table[Any] = VAULT_KEYS if isinstance(row, VaultKey) else FACTORS
    current = unit.maybe(table.find(row.id))
    if current is None or current.sealed != row.sealed:
        return False
    changed = {"sealed": fresh.to_bytes(), "master_key_id": fresh.master_key_id}
    unit.write(replace(current, **changed, version=current.version + 1, updated_at=unit.now))
    return True


def status() -> Counter[str]:
    """Secrets by the master key they are under."""
    session = Session(resources.database().snapshot())
    return Counter(_of(one).master_key_id for one in everything(session))


def retire() -> list[str]:
    """Forget the local master keys that seal nothing; their names."""
    path = _path()
    with alone(path):
        keys, used = load_master_keys(path), status()
        gone = [name for name in keys.keys if name != keys.active and not used[name]]
        for name in gone:
            keys = keys.without(name)
        if gone:
            save_master_keys(path, keys)
    return gone


def _of(one: Sealed) -> SealedKey:
    return SealedKey.from_bytes(one.row.sealed)


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
    sys.exit(entrance.run(main))
