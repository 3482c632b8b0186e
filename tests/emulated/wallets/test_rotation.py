"""Rotate the master key: a killed rotation continues, every secret stays readable, and a backup restores."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import resources
from shared.domain.permissions import Caller
from shared.keys.errors import MasterKeyMissing, SealBroken, SecretUnusable
from shared.keys.local_vault import LocalVault, load_master_keys
from shared.keys.vault import SealedKey
from shared.ops import rotate_master_key
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.wallets import VAULT_KEYS, WALLETS
from tests.support.people import People, Person
from tests.support.stores import leads_to


class Killed(BaseException):
    """Acts like SIGKILL."""


@pytest.fixture
def person(people: People) -> Iterator[Person]:
    with running(Context("rotation", new_id("req"), deadline_in(60), caller=Caller.of_system())):
        yield people.register()


def signs(person: Person, wallets: list[str]) -> None:
    for wallet in wallets:
        person.ok(200, "POST", f"/wallets/{wallet}/sign-message", {"message": "still here"})


def made(person: Person) -> list[str]:
    wallets = [person.wallet()["id"] for _ in range(5)]
    child = person.ok(201, "POST", f"/wallets/{wallets[0]}/accounts", {})["wallet"]["id"]
    person.ok(201, "POST", "/auth/totp")
    return [*wallets, child]


def test_a_rotation_that_was_killed_goes_on(person: Person) -> None:
    wallets = made(person)
    (before,) = rotate_master_key.status()
    seen: list[str] = []

    def kill(identity: str) -> None:
        seen.append(identity)
        if len(seen) == 3:
            raise Killed

    with pytest.raises(Killed):
        rotate_master_key.rotate(kill)
    assert sorted(rotate_master_key.status().values()) == [3, 3]
    signs(person, wallets)
    late = person.wallet()["id"]  # sealed under the new key by the running product
    assert rotate_master_key.rotate() == 3
    (after,) = rotate_master_key.status()
    assert after != before and rotate_master_key.status()[after] == 7
    assert rotate_master_key.retire() == [before] and rotate_master_key.retire() == []
    signs(person, [*wallets, late])
    assert rotate_master_key.main(["status"]) == 0 and rotate_master_key.main(["nonsense"]) == 2


@pytest.mark.parametrize("point", ["after_commit:1", "after_commit:3", "after_commit:5"])
def test_the_command_is_killed_and_run_again(person: Person, point: str) -> None:
    wallets = made(person)
    assert command("rotate", FAULT_POINT=point).returncode == -signal.SIGKILL
    assert len(rotate_master_key.status()) == 2, "half way"
    signs(person, wallets)
    again = command("rotate")
    assert again.returncode == 0 and "secrets resealed" in again.stdout
    assert len(rotate_master_key.status()) == 1
    assert command("retire").returncode == 0
    signs(person, wallets)


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m shared.ops.rotate_master_key` like an operator."""
    here = {"STATE_DIR": resources.settings().state_dir, **leads_to(resources.database())}
    line = [sys.executable, "-m", "shared.ops.rotate_master_key", *arguments]
    return subprocess.run(
        line, env={**os.environ, **here, **env}, capture_output=True, text=True, timeout=60, check=False
    )


def test_of_two_rotations_at_once_one_is_refused(person: Person) -> None:
    """Both would add a key to the file they read, and the later one would lose the earlier one's."""
    made(person)
    refused: list[type[BaseException]] = []

    def another(identity: str) -> None:
        for work in (rotate_master_key.rotate, rotate_master_key.retire):
            with pytest.raises(SecretUnusable) as caught:
                work()
            refused.append(caught.type)

    assert rotate_master_key.rotate(another) == 6 and len(refused) == 12
    assert len(rotate_master_key.retire()) == 1


def test_a_backup_of_the_master_key_opens_what_it_sealed(person: Person, tmp_path: Path) -> None:
    wallets = made(person)
    path = Path(resources.settings().state_dir) / "master-keys.json"
    backup = tmp_path / "escrow.json"
    shutil.copy2(path, backup)
    path.unlink()
    lost = LocalVault(load_master_keys(path, create=True), production=False)
    with resources.override(vault=lost):
        answer = person.call("POST", f"/wallets/{wallets[0]}/sign-message", {"message": "x"})
        assert (answer.status, answer.code) == (500, "INTERNAL")
        assert "master" not in answer.text
    with resources.override(vault=LocalVault(load_master_keys(backup), production=False)):
        signs(person, wallets)


def test_swapped_truncated_and_downgraded_secrets_are_refused(person: Person) -> None:
    session = Session(resources.database().snapshot())
    first, second = (session.one(WALLETS.get(person.wallet()["id"])) for _ in range(2))
    rows = {wallet.id: session.one(VAULT_KEYS.get(wallet.key_id)) for wallet in (first, second)}
    mine, other = rows[first.id].sealed, rows[second.id].sealed
    downgraded = bytes([0]) + mine[1:]
    for forged in (other, mine[:-1], downgraded, mine[:-1] + bytes([mine[-1] ^ 1]), b""):
        change = Write("update", "vault_keys", ("id", "sealed"), (first.key_id, forged))
        resources.database().write([change])
        answer = person.call("POST", f"/wallets/{first.id}/sign-message", {"message": "x"})
        assert answer.status == 500 and "signature" not in (answer.body or {})
    resources.database().write([Write("update", "vault_keys", ("id", "sealed"), (first.key_id, mine))])
    signs(person, [first.id, second.id])
    with pytest.raises((SealBroken, MasterKeyMissing)):
        SealedKey.from_bytes(downgraded)
