"""Read and write keystore files, version 3 (Web3 Secret Storage), with eth-account: the interchange format for one
private key and a passphrase.

Keystore files are only for import and export; the vault stores keys. A file is untrusted input that specifies its own
memory and work. So both are limited before the library sees the file, the library sees only the checked parts, and
derivations run one at a time per instance (KeyWorkBusy, 503). The passphrase is UTF-8 without normalisation, like
geth's. A wrong passphrase costs a full derivation and always gets the same answer, whatever else is wrong with the
file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys.accounts import address_of, checked_key
from shared.keys.errors import AddressMismatch, KeystoreTooCostly, WrongPassphrase
from shared.keys.web3_imports import eth_account
from shared.keys.work_slots import WorkSlots

MAX_MEMORY = 256 * 1024 * 1024  # bytes: 128·n·r
MAX_WORK = 2**22  # n·r·p: twice geth's standard, about 1.5 s
MAX_LANES = 512  # r·p: geth uses 8, old files 48; the library hashes them in Python
MAX_ROUNDS = 5_000_000  # of PBKDF2, about 1.2 s
MAX_NESTING = 16  # brackets in the text; a keystore has four
MIN_PASSPHRASE = 8  # characters, for exported files
EXPORT_N = 2**17  # of scrypt with r = 8 and p = 1, as OWASP advises; uses 128 MiB of the instance's 512 MiB

_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})+)")
_slots = WorkSlots(slots=1, wait=0.0)


def encrypt(private_key: bytes, passphrase: str, n: int = EXPORT_N) -> dict[str, Any]:
    """A keystore object for `private_key`; about 0.4 s and 128 MiB at the default cost `n`, a power of two.

    Raises InvalidValue for a bad key or a passphrase under 8 characters, KeyWorkBusy (503).
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise InvalidValue("passphrase", f"must have at least {MIN_PASSPHRASE} characters")
    key, secret = checked_key(private_key), _utf8(passphrase)
    with _slots:
        file: dict[str, Any] = eth_account().Account.encrypt(key, secret, kdf="scrypt", iterations=n)
    return {**file, "address": file["address"].lower()}  # like geth


def decrypt(keystore: Mapping[str, Any] | str, passphrase: str, field_name: str = "keystore") -> bytes:
    """The private key in a keystore object or its JSON text.

    Raises InvalidValue (not a keystore), KeystoreTooCostly, WrongPassphrase, AddressMismatch (the file names another
    address), KeyWorkBusy (503)."""
    document = _document(keystore, field_name)
    crypto, secret = _parsed(document, field_name), _utf8(passphrase)
    with _slots:
        try:
            opened = eth_account().Account.decrypt({"version": 3, "crypto": crypto}, secret)
        except ValueError:  # the MAC: everything else is already checked
            raise WrongPassphrase from None
    key = checked_key(bytes(opened), field_name)
    stated = document.get("address")
    if stated is not None and str(stated).lower().removeprefix("0x") != address_of(key)[2:].lower():
        raise AddressMismatch
    return key


def _document(keystore: Mapping[str, Any] | str, field_name: str) -> Mapping[str, Any]:
    if isinstance(keystore, str):
        nesting = keystore.count("[") + keystore.count("{")  # deep nesting can crash the process
        try:
            keystore = json.loads(keystore) if nesting <= MAX_NESTING else {}
        except ValueError:
            keystore = {}
    if not isinstance(keystore, Mapping) or keystore.get("version") != 3:
        raise InvalidValue(field_name, "must be a keystore object of version 3")
    return keystore


def _parsed(document: Mapping[str, Any], field_name: str) -> dict[str, Any]:
    """The `crypto` part, reduced to the checked fields.

    Raises InvalidValue for a missing or malformed part, KeystoreTooCostly for an excessive cost."""
    crypto = document.get("crypto", document.get("Crypto"))
    parts = crypto if isinstance(crypto, Mapping) else {}
    params, cipher = parts.get("kdfparams"), parts.get("cipherparams")
    if not isinstance(params, Mapping) or not isinstance(cipher, Mapping):
        raise InvalidValue(field_name, "must have crypto with kdfparams and cipherparams")
    if parts.get("cipher") != "aes-128-ctr" or params.get("dklen") != 32:
        raise InvalidValue(field_name, "must use aes-128-ctr and a derived key of 32 bytes")
    cost = _cost(parts.get("kdf"), params, field_name)
    return {
        "kdf": parts["kdf"],
        "kdfparams": {**cost, "dklen": 32, "salt": _hex(params, "salt", range(1, 1025), field_name)},
        "cipherparams": {"iv": _hex(cipher, "iv", range(16, 17), field_name)},
        "ciphertext": _hex(parts, "ciphertext", range(32, 33), field_name),
        "mac": _hex(parts, "mac", range(32, 33), field_name),
    }


def _cost(kdf: object, params: Mapping[str, Any], field_name: str) -> dict[str, Any]:
    """The parameters of the derivation, after limiting their memory and work. Raises InvalidValue or
    KeystoreTooCostly."""
    names = {"scrypt": ("n", "r", "p"), "pbkdf2": ("c",)}.get(str(kdf))
    if names is None or (kdf == "pbkdf2" and params.get("prf") != "hmac-sha256"):
        raise InvalidValue(field_name, "must derive its key by scrypt or by pbkdf2 with hmac-sha256")
    numbers = [params.get(name) for name in names]
    if not all(isinstance(number, int) and number is not True and number > 0 for number in numbers):
        raise InvalidValue(field_name, f"kdfparams must have positive integers {', '.join(names)}")
    if kdf == "pbkdf2":
        if params["c"] > MAX_ROUNDS:
            raise KeystoreTooCostly(rounds=params["c"], limit=MAX_ROUNDS)
        return {"c": params["c"], "prf": "hmac-sha256"}
    n, r, p = params["n"], params["r"], params["p"]
    if 128 * n * r > MAX_MEMORY or n * r * p > MAX_WORK or r * p > MAX_LANES:
        raise KeystoreTooCostly(n=n, r=r, p=p, limit_bytes=MAX_MEMORY, limit_work=MAX_WORK)
    if n < 2 or n & (n - 1):
        raise InvalidValue(field_name, "kdfparams.n must be a power of two above 1")
    return {"n": n, "r": r, "p": p}


def _utf8(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        raise InvalidValue("passphrase", "must be Unicode text") from None


def _hex(parts: Mapping[str, Any], name: str, sizes: range, field_name: str) -> str:
    value = parts.get(name)
    match = _HEX.fullmatch(value) if isinstance(value, str) else None
    if match is None or len(match[1]) // 2 not in sizes:
        raise InvalidValue(field_name, f"{name} must be hexadecimal of the right length")
    return match[1]
