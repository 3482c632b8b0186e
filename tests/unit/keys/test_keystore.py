"""Keystore V3: published files, a second implementation in both directions, and malicious files."""

from __future__ import annotations

import copy
import hashlib
import json
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from eth_account import Account
from eth_keyfile import keyfile

from shared.domain.errors import InvalidValue
from shared.keys import keystore
from shared.keys.accounts import address_of
from shared.keys.curve import keccak
from shared.keys.errors import AddressMismatch, KeystoreTooCostly, KeyWorkBusy, WrongPassphrase

PUBLISHED_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
PBKDF2: dict[str, Any] = {  # ethereum/tests, KeyStoreTests/basic_tests.json, test1
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: dict[str, Any] = {  # the same, test2
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
CHEAP = 1024
PASSPHRASE = "correct horse 🐎"
KEY = bytes(31) + b"\x07"  # fixed: parametrised cases have its address in their names
FILE = keystore.encrypt(KEY, PASSPHRASE, CHEAP)


def _with(path: str, value: object, file: dict[str, Any] = FILE) -> dict[str, Any]:
    """A copy of `file` with the value at the dotted path replaced, or removed for None."""
    result = copy.deepcopy(file)
    *parents, last = path.split(".")
    part = result
    for name in parents:
        part = part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return result


@pytest.mark.parametrize("file", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_published_files_open(file: dict[str, Any]) -> None:
    assert keystore.decrypt(file, "testpassword").hex() == PUBLISHED_KEY


def test_a_file_opens_as_text_too_and_only_by_its_passphrase() -> None:
    assert keystore.decrypt(json.dumps(FILE), PASSPHRASE) == KEY
    for file in (FILE, PBKDF2):
        with pytest.raises(WrongPassphrase):
            keystore.decrypt(file, "testpasswore")


def test_files_made_here_open_by_the_standard_alone() -> None:
    """A second implementation with hashlib and OpenSSL opens them."""
    crypto = FILE["crypto"]
    derived = derived_by_hashlib(crypto["kdfparams"])
    ciphertext = bytes.fromhex(crypto["ciphertext"])
    assert keccak(derived[16:] + ciphertext).hex() == crypto["mac"]
    assert ciphered(derived, crypto["cipherparams"]["iv"], ciphertext) == KEY
    assert FILE["address"] == address_of(KEY)[2:].lower()
    assert json.loads(json.dumps(FILE)) == FILE


def derived_by_hashlib(params: dict[str, Any]) -> bytes:
    salt, cost = bytes.fromhex(params["salt"]), {name: params[name] for name in ("n", "r", "p")}
    return hashlib.scrypt(PASSPHRASE.encode(), salt=salt, dklen=32, **cost)


def ciphered(derived: bytes, iv: str, data: bytes) -> bytes:
    stream = Cipher(algorithms.AES(derived[:16]), modes.CTR(bytes.fromhex(iv))).encryptor()
    return stream.update(data) + stream.finalize()


@pytest.mark.parametrize(("kdf", "iterations"), [("scrypt", 1024), ("pbkdf2", 1000)])
def test_files_made_by_eth_account_open_here(kdf: Any, iterations: int) -> None:
    file = Account.encrypt(KEY, PASSPHRASE, kdf=kdf, iterations=iterations)
    assert keystore.decrypt(file, PASSPHRASE) == KEY


def test_old_files_spell_crypto_with_a_capital() -> None:
    file = {"Crypto" if name == "crypto" else name: part for name, part in FILE.items()}
    assert keystore.decrypt(file, PASSPHRASE) == KEY


def test_the_default_cost_fits_a_small_instance() -> None:
    file = keystore.encrypt(KEY, PASSPHRASE)
    cost = file["crypto"]["kdfparams"]
    assert (128 * cost["n"] * cost["r"], cost["p"]) == (128 * 1024 * 1024, 1)
    assert keystore.decrypt(file, PASSPHRASE) == KEY


@pytest.mark.parametrize("passphrase", ["", "correct horse", PASSPHRASE + " ", PASSPHRASE.upper()])
def test_a_wrong_passphrase_gets_one_answer_whatever_else_is_wrong(passphrase: str) -> None:
    for file in (FILE, _with("address", "00" * 20), _with("crypto.mac", "00" * 32)):
        with pytest.raises(WrongPassphrase) as caught:
            keystore.decrypt(file, passphrase)
        assert caught.value.data == {}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The derivations and their costs, without the passphrase."""
    done: list[Any] = []

    def counted(derive: Any, *given: Any, **named: Any) -> bytes:
        done.append((derive.__name__, given[1:], named))
        return bytes(derive(*given, **named))

    for name in ("_scrypt_hash", "_pbkdf2_hash"):
        monkeypatch.setattr(keyfile, name, partial(counted, getattr(keyfile, name)))
    return done


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_a_wrong_passphrase_costs_the_same_work_as_the_right_one(kdf: Any, work: list[Any]) -> None:
    """`make bench PART=passphrases` measures seconds; this test counts the work behind them."""
    file = Account.encrypt(KEY, PASSPHRASE, kdf=kdf, iterations=1024)
    spent = []
    for passphrase in (PASSPHRASE, "another one", "", PASSPHRASE * 20):
        work.clear()
        with suppress(WrongPassphrase):
            keystore.decrypt(file, passphrase)
        spent.append(list(work))
    assert len(spent[0]) == 1 and all(one == spent[0] for one in spent)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("crypto.ciphertext", "00" * 32),
        ("crypto.mac", "ff" * 32),
        ("crypto.kdfparams.salt", "00" * 32),
        ("crypto.kdfparams.n", 2048),
        ("crypto.kdfparams.r", 4),
        ("crypto.kdfparams.p", 2),
    ],
)
def test_a_changed_file_does_not_open(path: str, value: object) -> None:
    with pytest.raises(WrongPassphrase):
        keystore.decrypt(_with(path, value), PASSPHRASE)


@pytest.mark.parametrize("address", ["00" * 20, "0x" + "00" * 20, "nonsense", 7])
def test_a_file_that_names_another_address_is_refused(address: object) -> None:
    with pytest.raises(AddressMismatch):
        keystore.decrypt(_with("address", address), PASSPHRASE)


def test_a_changed_iv_is_noticed_by_the_address() -> None:
    """The format's MAC does not cover the IV: without the comparison, another key would be imported."""
    with pytest.raises(AddressMismatch):
        keystore.decrypt(_with("crypto.cipherparams.iv", "00" * 16), PASSPHRASE)


@pytest.mark.parametrize("stated", [address_of(KEY), address_of(KEY).lower(), address_of(KEY)[2:], None])
def test_the_address_may_have_any_spelling_or_be_absent(stated: str | None) -> None:
    assert keystore.decrypt(_with("address", stated), PASSPHRASE) == KEY


@pytest.mark.parametrize(
    ("params", "memory"),
    [
        ({"n": 2**30, "r": 8, "p": 1}, True),
        ({"n": 2**20, "r": 8, "p": 1}, True),
        ({"n": 2**18, "r": 9, "p": 1}, True),
        ({"n": 2, "r": 2**30, "p": 1}, True),
        ({"n": 2**18, "r": 8, "p": 3}, False),
        ({"n": 2, "r": 1, "p": 2**40}, False),
        ({"n": 10**400, "r": 8, "p": 1}, True),
        ({"n": 2, "r": 1, "p": 2**20}, False),  # little work for OpenSSL, minutes in Python
        ({"n": 2, "r": 2**19, "p": 1}, False),
    ],
)
def test_absurd_scrypt_parameters_are_refused_before_anything_is_spent(
    params: dict[str, int], memory: bool, work: list[Any]
) -> None:
    file = _with("crypto.kdfparams", {**FILE["crypto"]["kdfparams"], **params})
    with pytest.raises(KeystoreTooCostly):
        keystore.decrypt(file, PASSPHRASE)
    assert work == []
    assert (128 * params["n"] * params["r"] > keystore.MAX_MEMORY) == memory


def test_absurd_pbkdf2_rounds_are_refused() -> None:
    with pytest.raises(KeystoreTooCostly):
        keystore.decrypt(_with("crypto.kdfparams.c", 10**9, PBKDF2), "testpassword")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", None),
        ("version", 1),
        ("version", 4),
        ("version", "3"),
        ("crypto", None),
        ("crypto", []),
        ("crypto.cipher", "aes-256-cbc"),
        ("crypto.cipherparams", None),
        ("crypto.cipherparams.iv", "00" * 15),
        ("crypto.ciphertext", "00" * 31),
        ("crypto.ciphertext", "zz" * 32),
        ("crypto.ciphertext", 5),
        ("crypto.mac", None),
        ("crypto.mac", ""),
        ("crypto.kdf", "argon2"),
        ("crypto.kdf", ["scrypt"]),
        ("crypto.kdfparams", None),
        ("crypto.kdfparams.dklen", 16),
        ("crypto.kdfparams.dklen", 2**40),
        ("crypto.kdfparams.n", 0),
        ("crypto.kdfparams.n", -2),
        ("crypto.kdfparams.n", 1),
        ("crypto.kdfparams.n", 1000),
        ("crypto.kdfparams.n", "1024"),
        ("crypto.kdfparams.n", 1024.0),
        ("crypto.kdfparams.n", True),
        ("crypto.kdfparams.r", 0),
        ("crypto.kdfparams.r", True),
        ("crypto.kdfparams.p", None),
        ("crypto.kdfparams.salt", "00" * 1025),
        ("crypto.kdfparams.salt", None),
    ],
)
def test_a_malformed_file_is_refused(path: str, value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        keystore.decrypt(_with(path, value), PASSPHRASE)
    assert caught.value.details[0]["field"] == "keystore"


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", "[" * 100_000])
def test_text_that_is_no_keystore_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        keystore.decrypt(text, PASSPHRASE)


def test_pbkdf2_with_another_prf_is_refused() -> None:
    with pytest.raises(InvalidValue):
        keystore.decrypt(_with("crypto.kdfparams.prf", "hmac-md5", PBKDF2), "testpassword")


def test_a_file_that_holds_an_impossible_key_is_refused() -> None:
    """It has a correct MAC around the number 0."""
    file = copy.deepcopy(FILE)
    crypto = file["crypto"]
    derived = derived_by_hashlib(crypto["kdfparams"])
    ciphertext = ciphered(derived, crypto["cipherparams"]["iv"], bytes(32))
    crypto["ciphertext"], crypto["mac"] = ciphertext.hex(), keccak(derived[16:] + ciphertext).hex()
    with pytest.raises(InvalidValue):
        keystore.decrypt(file, PASSPHRASE)


def test_only_one_derivation_runs_at_a_time() -> None:
    with keystore._slots:
        for work in (
            lambda: keystore.decrypt(FILE, PASSPHRASE),
            lambda: keystore.encrypt(KEY, PASSPHRASE),
        ):
            with pytest.raises(KeyWorkBusy) as caught:
                work()
            assert caught.value.status == 503
            assert caught.value.retry_after
    assert keystore.decrypt(FILE, PASSPHRASE) == KEY


@pytest.mark.parametrize("passphrase", ["", "1234567", "\ud800" * 8])
def test_a_new_file_needs_a_real_passphrase(passphrase: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        keystore.encrypt(KEY, passphrase, CHEAP)
    assert caught.value.details[0]["field"] == "passphrase"
