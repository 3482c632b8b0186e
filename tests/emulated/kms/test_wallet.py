"""A wallet in the product with its key in Cloud KMS: it pays on a real chain and reveals nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import grpc
import pytest

from shared import resources
from shared.domain.errors import NotFound
from shared.domain.wallets.wallets import Wallet, WalletExists
from shared.identity.passwords import Passwords
from shared.keys.accounts import address_of
from shared.keys.errors import SealBroken
from shared.keys.kms_client import KmsCalls
from shared.keys.vault import Binding, SealedKey
from shared.ops import enrol_treasury, rotate_master_key
from shared.runtime import operation
from shared.runtime.context import Context, Rights, deadline_in, running
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS
from shared.wallets import custody
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import ETHER, Desk
from tests.emulated.kms.server import KmsServer
from tests.emulated.wallets.samples import typed
from tests.support.inprocess import App
from tests.support.people import People, Person

FRIEND = "0x00000000000000000000000000000000000000F1"


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str], calls: KmsCalls) -> Iterator[Desk]:
    with resources.override(kms=calls, passwords=Passwords(passes=1, memory_kib=64)):
        yield Desk(app, published, emulators["RPC_URL"])


@pytest.fixture
def owner(desk: Desk) -> Person:
    return People(desk.app).register()


@pytest.fixture
def version(kms: KmsServer) -> str:
    return kms.add_signing()


@pytest.fixture
def wallet(desk: Desk, owner: Person, version: str) -> Wallet:
    made = enrol_treasury.enrol(owner.id, "local", version)
    desk.fund(made.address, 5)
    return made


def pay(owner: Person, wallet: Wallet) -> str:
    body = {"wallet_id": wallet.id, "to": FRIEND, "value": str(ETHER)}
    return str(owner.ok(202, "POST", "/transactions", body)["id"])


def until(desk: Desk, owner: Person, transaction_id: str, status: str) -> None:
    for _ in range(40):
        desk.app.schedule("tick_chain")
        if owner.ok(200, "GET", f"/transactions/{transaction_id}")["status"] == status:
            return
        desk.rpc("anvil_mine", "0x1")
    raise AssertionError(f"{transaction_id} is not {status}")


def test_it_pays_with_one_signature_that_is_stored_before_it_is_sent(
    desk: Desk, owner: Person, wallet: Wallet, kms: KmsServer, version: str
) -> None:
    assert wallet.address == address_of(kms.secret_of(version))
    before = desk.balance(FRIEND)
    sent = pay(owner, wallet)
    until(desk, owner, sent, "confirmed")
    assert desk.balance(FRIEND) - before == ETHER
    attempts = Session(resources.database().snapshot()).many(ATTEMPTS.scan(sent))
    assert len(attempts) == kms.calls["AsymmetricSign"] == 1, "KMS signs differently each time"


def test_kms_that_does_not_answer_delays_and_loses_nothing(
    desk: Desk, owner: Person, wallet: Wallet, kms: KmsServer
) -> None:
    sent = pay(owner, wallet)
    kms.failures = [grpc.StatusCode.PERMISSION_DENIED]
    desk.app.schedule("tick_chain")
    assert owner.ok(200, "GET", f"/transactions/{sent}")["nonce"] is None
    until(desk, owner, sent, "confirmed")


def test_it_neither_exports_nor_signs_messages(owner: Person, wallet: Wallet, kms: KmsServer) -> None:
    path = f"/wallets/{wallet.id}"
    for call, body in (
        ("export", {"format": "private_key"}),
        ("export", {"passphrase": "long enough a passphrase"}),
        ("sign-message", {"message": "x"}),
        ("sign-typed-data", {"typed_data": typed()}),
    ):
        assert owner.refused("KEY_STAYS_IN_KMS", "POST", f"{path}/{call}", body).status == 409
    owner.refused("WALLET_HAS_NO_SEED", "POST", f"{path}/accounts", {})
    assert kms.calls["AsymmetricSign"] == 0


def test_no_other_wallet_can_borrow_the_key(desk: Desk, owner: Person, wallet: Wallet, version: str) -> None:
    """An attacker who can write rows cannot point another wallet at the treasury's key."""
    thief = People(desk.app, count=10).register()
    row = Session(resources.database().snapshot()).one(VAULT_KEYS.get(wallet.key_id))
    stolen = replace(wallet, id="wal_thief", user_id=thief.id, key_id="key_thief")
    with pytest.raises(SealBroken):
        custody.signer(stolen, replace(row, id="key_thief"))
    resources.database().write(
        [WALLETS.write("insert", stolen), VAULT_KEYS.write("insert", replace(row, id="key_thief"))]
    )
    sent = pay(thief, stolen)
    desk.app.schedule("tick_chain")
    seen = thief.ok(200, "GET", f"/transactions/{sent}")
    assert (seen["status"], seen["nonce"], seen["attempts"]) == ("queued", None, [])


def test_enrolment_is_checked_and_rotation_keeps_it(
    desk: Desk, owner: Person, wallet: Wallet, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WalletExists):
        enrol_treasury.enrol(owner.id, "local", version)
    with pytest.raises(NotFound):
        enrol_treasury.enrol("usr_nobody", "local", version)
    assert enrol_treasury.main([owner.id, "nowhere", version]) == 1 and enrol_treasury.main([]) == 2
    assert rotate_master_key.main(["rotate"]) == 0 and "1 secrets resealed" in capsys.readouterr().out
    until(desk, owner, pay(owner, wallet), "confirmed")


def test_only_operations_declared_as_signers_open_anything(desk: Desk, owner: Person) -> None:
    made = owner.wallet()
    session = Session(resources.database().snapshot())
    wallet = session.one(WALLETS.get(made["id"]))
    key = session.one(VAULT_KEYS.get(wallet.key_id))
    for entry in operation.catalog().values():
        context = Context(entry.name, "req_1", deadline_in(5), Rights(signs=entry.signs))
        with running(context):
            if entry.signs:
                assert custody.signer(wallet, key).address == wallet.address
            else:
                with pytest.raises(custody.NotASigner):
                    custody.signer(wallet, key)
    signers = {name for name, entry in operation.catalog().items() if entry.signs}
    assert {"dispatch_lane", "export_wallet", "sign_message"} <= signers
    assert not signers & {"create_wallet", "send_transaction", "get_wallet", "list_wallets"}


def test_what_a_row_holds_of_a_kms_key_is_sealed(owner: Person, wallet: Wallet, version: str) -> None:
    row = Session(resources.database().snapshot()).one(VAULT_KEYS.get(wallet.key_id))
    assert version.encode() not in row.sealed
    bound = Binding(owner.id, wallet.id, "kms_key", 1)
    named = json.loads(resources.vault().open(SealedKey.from_bytes(row.sealed), bound))
    assert named["key_version"] == version
