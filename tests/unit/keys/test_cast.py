"""Keys, keystores, signatures and transactions compared with Foundry's `cast`, which shares no code with the product or
eth-account."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulators import toolkit
from shared.keys import hd, keystore, messages, mnemonic
from shared.keys.accounts import address_of, sign_transaction
from shared.keys.curve import keccak
from shared.keys.errors import WrongPassphrase
from tests.unit.keys.test_messages import MAIL
from tests.unit.keys.test_transactions import DYNAMIC, EIP155

KEYS = [keccak(bytes([number])) for number in range(4)]
WORDS = {strength: mnemonic.from_entropy(keccak(b"words")[: strength // 8]) for strength in (128, 192, 256)}
PASSPHRASE = "correct horse 🐎"
CHEAP = 1024


def cast(*arguments: str) -> str:
    """Run cast; returns its output. Raises CalledProcessError if it refuses."""
    done = subprocess.run(
        [*toolkit.cast(), *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def hexed(key: bytes) -> str:
    return "0x" + key.hex()


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_addresses_and_signatures_are_the_same(key: bytes) -> None:
    assert cast("wallet", "address", "--private-key", hexed(key)) == address_of(key)
    for text in ("hello ✓", "two\nlines", " "):
        assert cast("wallet", "sign", "--private-key", hexed(key), text) == messages.sign_message(text, key)
    signed = cast("wallet", "sign", "--private-key", hexed(key), "--data", json.dumps(MAIL))
    assert signed == messages.sign_typed_data(MAIL, key, 1)
    own = messages.sign_message("hello", key)
    assert "succeeded" in cast("wallet", "verify", "--address", address_of(key), "hello", own)
    with pytest.raises(subprocess.CalledProcessError):
        cast("wallet", "verify", "--address", address_of(KEYS[0][::-1]), "hello", own)


@pytest.mark.parametrize("strength", WORDS)
@pytest.mark.parametrize("path", ["m/44'/60'/0'/0/0", "m/44'/60'/0'/0/7", "m/44'/60'/3'/1/2"])
def test_mnemonics_lead_to_the_same_keys(strength: int, path: str) -> None:
    words = WORDS[strength]
    derived = hd.derive(mnemonic.to_seed(words), path)
    assert cast("wallet", "private-key", words, path) == hexed(derived)


def test_keystores_made_here_open_there(tmp_path: Path) -> None:
    for number, (key, cost) in enumerate(zip(KEYS, [CHEAP, CHEAP, keystore.EXPORT_N], strict=False)):
        (tmp_path / f"k{number}").write_text(json.dumps(keystore.encrypt(key, PASSPHRASE, cost)))
        opened = cast("wallet", "decrypt-keystore", f"k{number}", *where(tmp_path, PASSPHRASE))
        assert opened.split()[-1] == hexed(key)
    with pytest.raises(subprocess.CalledProcessError):
        cast("wallet", "decrypt-keystore", "k0", *where(tmp_path, "another one"))


def test_keystores_made_there_open_here_and_go_back(tmp_path: Path) -> None:
    for number, key in enumerate(KEYS):
        cast("wallet", "import", f"k{number}", "--private-key", hexed(key), *where(tmp_path, PASSPHRASE))
        file: dict[str, Any] = json.loads((tmp_path / f"k{number}").read_text())
        assert keystore.decrypt(file, PASSPHRASE) == key
        with pytest.raises(WrongPassphrase):
            keystore.decrypt(file, "another one")
    (tmp_path / "back").write_text(
        json.dumps(keystore.encrypt(keystore.decrypt(file, PASSPHRASE), "x" * 8, CHEAP))
    )
    assert cast("wallet", "decrypt-keystore", "back", *where(tmp_path, "x" * 8)).split()[-1] == hexed(
        KEYS[-1]
    )


def where(folder: Path, passphrase: str) -> list[str]:
    return ["--keystore-dir", str(folder), "--unsafe-password", passphrase]


@pytest.mark.parametrize("transaction", [EIP155, DYNAMIC], ids=["legacy", "dynamic fee"])
def test_signed_transactions_are_read_as_they_were_meant(transaction: dict[str, Any]) -> None:
    signed = sign_transaction(transaction, KEYS[0])
    seen = json.loads(json.loads(cast("decode-transaction", hexed(signed.raw))))
    assert seen["signer"].lower() == address_of(KEYS[0]).lower()
    assert seen["hash"] == hexed(signed.hash)
    for name in ("nonce", "gas", "value", "chainId"):
        assert int(seen[name], 16) == transaction[name]
    assert seen["to"].lower() == transaction["to"]
