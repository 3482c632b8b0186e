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
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shared import resources
from shared.keys.local_vault import load_master_keys, save_master_keys
from shared.keys.secret_files import alone
from shared.keys.vault import reseal
from shared.ops import command_line, sealed_secrets
from shared.telemetry import logs
from shared.writes.commit import commit

SECONDS: Final = 24 * 3600


def rotate(on_row: Callable[[str], None] = lambda identity: None) -> int:
    """Start or continue a rotation; returns the number of resealed secrets and calls `on_row` for each.

    Raises SecretUnusable while another process rotates the local master key."""
    if resources.settings().kms_key:
        return _rotate(on_row)
    with alone(_path()):
        return _rotate(on_row)


def _rotate(on_row: Callable[[str], None]) -> int:
    waiting = [one for one in sealed_secrets.every() if not one.current]
    if not waiting and not resources.settings().kms_key:
        path = _path()
        save_master_keys(path, load_master_keys(path).rotated())
        waiting = list(sealed_secrets.every())
    done = 0
    for one in waiting:
        fresh = reseal(one.vault, one.key, one.binding)
        if fresh is not None:
            done += commit(sealed_secrets.store, one, fresh)
            on_row(one.row.id)
    return done


def status() -> Counter[str]:
    """The number of secrets by master key."""
    return Counter(one.key.master_key_id for one in sealed_secrets.every())


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
    with command_line.as_system("rotate_master_key", SECONDS):
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
