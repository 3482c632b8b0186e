"""The key tools: right answers, limited work, nothing stored and nothing logged."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.keys import accounts, keystore, mnemonic
from tests.emulated.wallets.samples import FIRST, KEY, WORDS
from tests.support.people import People, Person

PASSPHRASE = "a passphrase for the file"


@pytest.fixture
def person(people: People) -> Person:
    return people.register()


def ok(person: Person, tool: str, body: dict[str, Any]) -> Any:
    answer = person.call("POST", f"/security/{tool}", body)
    assert answer.status == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.body


def test_makes_pairs_and_mnemonics(person: Person) -> None:
    pair = ok(person, "generate-key-pair", {"chain": "ethereum"})
    made = accounts.key_pair(bytes.fromhex(pair["private_key"][2:]))
    assert pair["address"] == made.address and pair["public_key"] == "0x04" + made.public_key.hex()
    assert ok(person, "generate-key-pair", {}) != pair
    for strength, words in {128: 12, 160: 15, 192: 18, 224: 21, 256: 24}.items():
        text = ok(person, "generate-mnemonic", {"strength": strength})["mnemonic"]
        assert len(text.split()) == words and mnemonic.is_valid(text)
    assert (
        person.refused("UNKNOWN_CHAIN", "POST", "/security/generate-key-pair", {"chain": "x"}).status == 422
    )
    assert (
        person.refused("VALIDATION_FAILED", "POST", "/security/generate-mnemonic", {"strength": 129}).status
        == 422
    )


@pytest.mark.parametrize(
    ("words", "valid"),
    [(WORDS, True), (f" {WORDS.upper()}  ", True), ("test " * 12, False), ("", False), ("zoo " * 13, False)],
)
def test_validates_mnemonics(person: Person, words: str, valid: bool) -> None:
    assert ok(person, "validate-mnemonic", {"mnemonic": words}) == {"valid": valid}


def test_derives_a_key_along_a_path(person: Person) -> None:
    found = ok(person, "mnemonic-to-private-key", {"mnemonic": WORDS, "path": "m/44'/60'/0'/0/0"})
    assert (found["private_key"], found["address"]) == ("0x" + KEY.hex(), FIRST)
    for path in ("", "m", "m/x", "44/60", "m/0/1/2/3/4/5/6/7/8/9/10", "m/2147483648"):
        body = {"mnemonic": WORDS, "path": path}
        answer = person.refused("VALIDATION_FAILED", "POST", "/security/mnemonic-to-private-key", body)
        assert answer.body["error"]["details"][0]["field"] == "path", answer.text


def test_encrypts_and_decrypts(person: Person) -> None:
    body = {"private_key": KEY.hex(), "passphrase": PASSPHRASE}
    file = ok(person, "encrypt-private-key", body)["encrypted_key"]
    assert file["crypto"]["kdf"] == "scrypt" and keystore.decrypt(file, PASSPHRASE) == KEY
    body = {"encrypted_key": file, "passphrase": PASSPHRASE}
    assert ok(person, "decrypt-private-key", body) == {"private_key": "0x" + KEY.hex()}
    wrong = {"encrypted_key": file, "passphrase": "another passphrase"}
    assert person.refused("WRONG_PASSPHRASE", "POST", "/security/decrypt-private-key", wrong).status == 422
    file["crypto"]["kdfparams"]["n"] = 2**40
    assert person.refused("KEYSTORE_TOO_COSTLY", "POST", "/security/decrypt-private-key", body).status == 422
    for bad in ("0" * 64, "f" * 64, "xyz"):
        body = {"private_key": bad, "passphrase": PASSPHRASE}
        person.refused("VALIDATION_FAILED", "POST", "/security/encrypt-private-key", body)


def test_costly_derivations_run_one_at_a_time(person: Person) -> None:
    body = {"private_key": KEY.hex(), "passphrase": PASSPHRASE}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: person.call("POST", "/security/encrypt-private-key", body), range(4))
        )
    assert {answer.status for answer in answers} == {200, 503}
    busy = [answer for answer in answers if answer.status == 503]
    assert all(answer.code == "KEY_WORK_BUSY" and answer.headers["Retry-After"] == "1" for answer in busy)


def test_logs_hold_no_secret(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ok(person, "mnemonic-to-private-key", {"mnemonic": WORDS, "path": "m/44'/60'/0'/0/0"})
    person.call("POST", "/security/encrypt-private-key", {"private_key": KEY.hex() + "00", "passphrase": "x"})
    person.wallet()
    text = "\n".join(str(vars(record)) for record in caplog.records) + caplog.text
    for secret in (WORDS, KEY.hex(), *person.secrets):
        assert secret not in text
