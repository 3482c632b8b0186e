"""The master key is lost: an export under another key restores every wallet, and nothing else opens the export."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import resources
from shared.domain.permissions import Caller
from shared.keys.errors import MasterKeyUnusable, VaultUnavailable
from shared.keys.kms_client import KmsCalls
from shared.keys.kms_vault import CloudKmsVault
from shared.keys.local_vault import LocalVault, MasterKeys
from shared.ops import export_keys, sealed_secrets
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.tables.system import AUDIT
from tests.emulated.kms.server import KmsServer
from tests.support.people import People, Person


@pytest.fixture
def person(people: People) -> Iterator[Person]:
    with running(Context("export", new_id("req"), deadline_in(60), caller=Caller.of_system())):
        yield people.register()


def made(person: Person) -> list[str]:
    """A seed with a further account, an imported key, and a second factor."""
    seed = person.wallet()["id"]
    child = person.ok(201, "POST", f"/wallets/{seed}/accounts", {})["wallet"]["id"]
    imported = {"name": "till", "private_key": "0x" + "17" * 32}
    person.ok(201, "POST", "/auth/totp")
    return [seed, child, person.ok(201, "POST", "/wallets/import", imported)["wallet"]["id"]]


def signs(person: Person, wallets: list[str]) -> None:
    for wallet in wallets:
        person.ok(200, "POST", f"/wallets/{wallet}/sign-message", {"message": "still here"})


def lost() -> LocalVault:
    """Replace the master key by another, as if it were lost."""
    return LocalVault(MasterKeys.generate(), production=False)


def test_without_the_master_key_the_export_brings_every_wallet_back(person: Person, tmp_path: Path) -> None:
    wallets = made(person)
    file, other = tmp_path / "export.jsonl", f"{tmp_path / 'other.json'}"
    assert export_keys.main(["export", str(file), "--under", other]) == 0
    assert file.stat().st_mode & 0o077 == 0
    assert export_keys.main(["check", str(file), "--under", other]) == 0
    with resources.override(vault=lost()):
        answer = person.call("POST", f"/wallets/{wallets[0]}/sign-message", {"message": "x"})
        assert answer.status == 500, "the key is not lost"
        assert export_keys.main(["restore", str(file), "--under", other]) == 0
        signs(person, wallets)
        again = export_keys.restore(file, export_keys.under(other))
        assert (again.done, again.failed) == (0, []), "what opens is left alone"


def test_an_export_holds_no_secret_and_is_in_the_audit_log(person: Person, tmp_path: Path) -> None:
    made(person)
    file = tmp_path / "export.jsonl"
    secrets = [one.vault.open(one.key, one.binding) for one in sealed_secrets.every()]
    assert export_keys.main(["export", str(file), "--under", f"{tmp_path / 'other.json'}"]) == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == len(secrets) == 3
    text = file.read_text()
    assert not any(secret.hex() in text for secret in secrets)
    rows = [
        row
        for row in Session(resources.database().snapshot()).many(AUDIT.scan())
        if row.resource == "vault_keys"
    ]
    assert [row.details for row in rows][-1] == {"exported": 3}


def test_what_is_newer_than_the_export_is_named(
    person: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(person)
    file, other = tmp_path / "export.jsonl", f"{tmp_path / 'other.json'}"
    export_keys.main(["export", str(file), "--under", other])
    person.wallet()
    assert export_keys.main(["check", str(file), "--under", other]) == 1
    assert re.search(r"^VaultKey \w+ sealed: not in the file", capsys.readouterr().out, re.M)
    with resources.override(vault=lost()):
        outcome = export_keys.restore(file, export_keys.under(other))
        assert (outcome.done, len(outcome.failed)) == (3, 1)


def test_an_entry_opens_for_its_own_row_only(person: Person, tmp_path: Path) -> None:
    """An attacker who can write the file cannot give one wallet another wallet's key."""
    made(person)
    file, other = tmp_path / "export.jsonl", f"{tmp_path / 'other.json'}"
    export_keys.main(["export", str(file), "--under", other])
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    first, second = (line for line in lines if line["table"] == "VaultKey")
    first["sealed"], second["sealed"] = second["sealed"], first["sealed"]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = export_keys.check(file, export_keys.under(other))
    assert len(outcome.failed) == 2


def test_a_file_that_is_there_or_half_of_one_is_refused(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(person)
    file, other = tmp_path / "export.jsonl", f"{tmp_path / 'other.json'}"
    file.write_text("an earlier one\n")
    assert export_keys.main(["export", str(file), "--under", other]) == 1
    assert file.read_text() == "an earlier one\n"
    file.unlink()
    vault = export_keys.under(other)

    class Fails:
        def seal(self, *_: object) -> None:
            raise VaultUnavailable

    monkeypatch.setattr(export_keys, "under", lambda key: Fails())
    with pytest.raises(VaultUnavailable):
        export_keys.export(file, Fails())  # type: ignore[arg-type]
    assert not file.exists()
    assert export_keys.export(file, vault) == 3


def test_from_one_key_of_cloud_kms_to_another(person: Person, tmp_path: Path) -> None:
    with KmsServer() as server:
        calls = KmsCalls(server.client(), deadline=5.0)
        custody, recovery = server.add_symmetric("custody"), server.add_symmetric("recovery")
        file = tmp_path / "export.jsonl"
        with resources.override(vault=CloudKmsVault(custody, calls=calls), kms=calls):
            wallets = made(person)
            assert export_keys.main(["export", str(file), "--under", recovery]) == 0
        replaced = CloudKmsVault(server.add_symmetric("custody-2"), calls=calls)
        with resources.override(vault=replaced, kms=calls):
            assert person.call("POST", f"/wallets/{wallets[0]}/sign-message", {"message": "x"}).status == 500
            assert export_keys.main(["restore", str(file), "--under", recovery]) == 0
            signs(person, wallets)


def test_the_master_key_is_no_other_key(person: Person) -> None:
    chosen = resources.settings()
    name = "projects/p/locations/us/keyRings/wallet/cryptoKeys/custody"
    with (
        resources.override(settings=dataclasses.replace(chosen, kms_key=name)),
        pytest.raises(MasterKeyUnusable),
    ):
        export_keys.under(name)
