"""Create and import wallets: the answer, the stored data, and the refusals."""

from __future__ import annotations

import pytest

from shared.keys import accounts, hd, keystore, mnemonic
from shared.keys.curve import ORDER
from tests.emulated.wallets.samples import FIRST, KEY, WORDS
from tests.support.people import People


def test_a_new_wallet_is_the_first_account_of_its_mnemonic(people: People) -> None:
    person = people.register()
    made = person.ok(201, "POST", "/wallets", {"name": "savings", "type": "hd", "strength": 256})
    wallet = made["wallet"]
    assert len(made["mnemonic"].split()) == 24 and made["derivation_path"] == "m/44'/60'/0'/0/0"
    seed = mnemonic.to_seed(made["mnemonic"])
    assert wallet["address"] == accounts.address_of(hd.derive(seed, made["derivation_path"]))
    assert (wallet["user_id"], wallet["chain"], wallet["index"]) == (person.id, "local", 0)
    assert person.ok(200, "GET", f"/wallets/{wallet['id']}") == wallet
    assert [item["id"] for item in person.ok(200, "GET", "/wallets")["items"]] == [wallet["id"]]


def test_a_replay_shows_the_wallet_without_its_mnemonic(people: People) -> None:
    person = people.register()
    first = person.call("POST", "/wallets", {"name": "once"}, key="k1")
    again = person.call("POST", "/wallets", {"name": "once"}, key="k1")
    assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true"
    assert again.body == first.body | {"mnemonic": None} and first.body["mnemonic"]
    person.refused("IDEMPOTENCY_KEY_REUSED", "POST", "/wallets", {"name": "other"}, key="k1")


def test_imports_a_key_a_mnemonic_and_a_keystore(people: People) -> None:
    file = keystore.encrypt(KEY, "long enough", 2)
    for body in (
        {"private_key": "0x" + KEY.hex()},
        {"mnemonic": f"  {WORDS.upper().replace(' ', '  ')} "},
        {"keystore": file, "passphrase": "long enough"},
    ):
        person = people.register()
        wallet = person.ok(201, "POST", "/wallets/import", {"name": "old"} | body)["wallet"]
        assert wallet["address"] == FIRST
        assert wallet["derivation_path"] == ("m/44'/60'/0'/0/0" if "mnemonic" in body else None)
        again = person.refused("WALLET_EXISTS", "POST", "/wallets/import", {"name": "old"} | body)
        assert again.status == 409 and again.body["error"]["data"] == {"wallet_id": wallet["id"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"private_key": "0" * 64}, "VALIDATION_FAILED"),
        ({"private_key": f"{ORDER:064x}"}, "VALIDATION_FAILED"),
        ({"private_key": "f" * 64}, "VALIDATION_FAILED"),
        ({"private_key": "12"}, "VALIDATION_FAILED"),
        ({"mnemonic": " ".join(["test"] * 12)}, "VALIDATION_FAILED"),
        ({"mnemonic": WORDS, "derivation_path": "m/44'/60'/0'/0/2147483648"}, "VALIDATION_FAILED"),
        ({"mnemonic": WORDS, "private_key": KEY.hex()}, "VALIDATION_FAILED"),
        ({}, "VALIDATION_FAILED"),
        ({"keystore": {"version": 3}}, "VALIDATION_FAILED"),
        ({"chain": "nowhere", "private_key": KEY.hex()}, "UNKNOWN_CHAIN"),
    ],
)
def test_refuses_to_import(people: People, body: dict[str, str], code: str) -> None:
    person = people.register()
    answer = person.refused(code, "POST", "/wallets/import", {"name": "bad"} | body)
    assert answer.status == 422 and KEY.hex() not in answer.text
    assert person.ok(200, "GET", "/wallets")["items"] == []


def test_refuses_absurd_keystores_and_wrong_passphrases(people: People) -> None:
    person = people.register()
    file = keystore.encrypt(KEY, "long enough", 2)
    body = {"name": "bad", "keystore": file, "passphrase": "another one"}
    assert person.refused("WRONG_PASSPHRASE", "POST", "/wallets/import", body).status == 422
    file["crypto"]["kdfparams"]["n"] = 2**30
    assert person.refused("KEYSTORE_TOO_COSTLY", "POST", "/wallets/import", body).status == 422


def test_anothers_wallet_does_not_exist(people: People) -> None:
    mine, other = people.register(), people.register()
    wallet = mine.wallet()
    for path in (f"/wallets/{wallet['id']}", f"/wallets/{wallet['id']}/balance"):
        assert other.refused("NOT_FOUND", "GET", path).status == 404
    assert other.ok(200, "GET", f"/wallets?user_id={mine.id}")["items"] == []
    assert other.imported(KEY)["address"] == mine.imported(KEY)["address"] == FIRST


def test_reads_balances_with_their_block(people: People) -> None:
    person = people.register()
    wallet = person.imported(KEY)
    balance = person.ok(200, "GET", f"/wallets/{wallet['id']}/balance")
    assert balance["symbol"] == "ETH" and balance["decimals"] == 18 and balance["token_address"] is None
    assert int(balance["balance"]) > 10**20 and balance["block_number"] >= 0
    assert person.ok(200, "GET", f"/wallets/{wallet['id']}/balances")["items"][0]["symbol"] == "ETH"
    path = f"/wallets/{wallet['id']}/balance?token_address={FIRST}"
    assert person.refused("VALIDATION_FAILED", "GET", path).status == 422
