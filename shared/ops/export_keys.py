"""Export every wallet's key as a protection against the loss of the master key: `python -m shared.ops.export_keys STEP
FILE`.

    export     seal every secret again under another key, into a file; the file never contains a plain secret
    check      open each secret in the file, and list secrets that are sealed here and missing from it
    restore    reseal secrets that no longer open with their own master key, from the file, under the active one

`--under` names the other key: a Cloud KMS key in a project that other people control (projects/…/cryptoKeys/…); in
local runs, a file of master keys, which is created if it is missing. `export` must decrypt with the master key and
encrypt with the other one; `check` and `restore` must decrypt with the other one. Secrets made after an export are not
in it: `check` lists them. Each step may be repeated (docs/custody.md).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared import resources
from shared.keys.errors import KeyFault, MasterKeyUnusable
from shared.keys.vault import KeyVault, SealedKey
from shared.ops import command_line, sealed_secrets
from shared.ops.sealed_secrets import Place, SealedSecret
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

OWNER_ONLY: Final = 0o600
SECONDS: Final = 24 * 3600
FIELDS: Final = ("table", "id", "column", "sealed")


@dataclass(slots=True)
class Outcome:
    """What a step did, and the places of the secrets for which it failed."""

    done: int = 0
    failed: list[Place] = field(default_factory=list)


def under(key: str) -> KeyVault:
    """The vault of the other key. Raises MasterKeyUnusable for the master key itself, or for a file in production."""
    chosen = resources.settings()
    if key.startswith("projects/"):
        if key == chosen.kms_key:
            raise MasterKeyUnusable("an export under the master key itself would be lost with it")
        from shared.keys.kms_vault import CloudKmsVault

        return CloudKmsVault(key, calls=resources.kms())
    from shared.keys.local_vault import LocalVault, load_master_keys

    return LocalVault(load_master_keys(Path(key), create=chosen.local), production=not chosen.local)


def export(path: Path, other: KeyVault) -> int:
    """Write the file (0600); returns the number of secrets. Raises FileExistsError because an export is never
    replaced; KeyFault, and then leaves no file, because an incomplete export would look complete."""
    done = 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(handle, "w") as file:
            for one in sealed_secrets.every():
                sealed = other.seal(one.vault.open(one.key, one.binding), one.binding).to_bytes()
                entry = (*one.place, base64.b64encode(sealed).decode())
                file.write(json.dumps(dict(zip(FIELDS, entry, strict=True))) + "\n")
                done += 1
            file.flush()
            os.fsync(file.fileno())
        commit(_noted, done)
    except BaseException:
        path.unlink()
        raise
    return done


def check(path: Path, other: KeyVault) -> Outcome:
    """Open every secret in the file that belongs to a row here; `failed`: missing from the file, or does not open."""
    entries, outcome = _entries(path), Outcome()
    for one in sealed_secrets.every():
        if _exported(one, entries, other) is None:
            outcome.failed.append(one.place)
        else:
            outcome.done += 1
    return outcome


def restore(path: Path, other: KeyVault) -> Outcome:
    """Reseal the secrets that their own master key does not open; `failed`: the file does not open them either."""
    entries, outcome = _entries(path), Outcome()
    for one in sealed_secrets.every():
        if one.opens():
            continue
        secret = _exported(one, entries, other)
        if secret is None:
            outcome.failed.append(one.place)
            continue
        outcome.done += commit(sealed_secrets.store, one, one.vault.seal(secret, one.binding))
    return outcome


def _entries(path: Path) -> dict[Place, SealedKey]:
    found = {}
    for line in path.read_text().splitlines():
        entry: Mapping[str, str] = json.loads(line)
        sealed = SealedKey.from_bytes(base64.b64decode(entry["sealed"]))
        found[(entry["table"], entry["id"], entry["column"])] = sealed
    return found


def _exported(one: SealedSecret, entries: Mapping[Place, SealedKey], other: KeyVault) -> bytes | None:
    """The secret that the file has for a row. It opens only for that row's owner, wallet and purpose."""
    sealed = entries.get(one.place)
    try:
        return other.open(sealed, one.binding) if sealed else None
    except KeyFault:
        return None


def _noted(unit: UnitOfWork, exported: int) -> None:
    """Record in the audit log who made a copy of all keys."""
    unit.audit("vault_keys", exported=exported)


def main(arguments: list[str]) -> int:
    """Run the command; returns 1 if anything is missing or does not open."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.export_keys")
    parser.add_argument("step", choices=("export", "check", "restore"))
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--under", required=True, help="the other key: projects/…/cryptoKeys/…, or locally a file"
    )
    options: Any = parser.parse_args(arguments)
    logs.configure()
    with command_line.as_system("export_keys", SECONDS):
        try:
            other = under(options.under)
            if options.step == "export":
                sys.stdout.write(f"{export(options.file, other)} secrets exported\n")
                return 0
            outcome = (check if options.step == "check" else restore)(options.file, other)
        except (KeyFault, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(f"{outcome.done} secrets {'opened' if options.step == 'check' else 'restored'}\n")
    sys.stdout.writelines(
        f"{' '.join(place)}: not in the file, or it does not open\n" for place in outcome.failed
    )
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
