"""Keystore files, version 3 (Web3 Secret Storage): the interchange format for one private key and a
passphrase.

AES-128-CTR under a key derived by scrypt or PBKDF2, with a Keccak-256 MAC. Only for import and export; the
vault stores keys. A file is untrusted input that names its own memory and work, so both are bounded before
anything is derived, and derivations run one at a time per instance (KeyWorkBusy, 503). The passphrase is
UTF-8 as it is given, like geth's. A wrong one costs a full derivation and gets one answer, whatever else is
wrong with the file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.domain.errors import InvalidValue
from shared.keys import curve
from shared.keys.accounts import address_of, checked_key
from shared.keys.errors import AddressMismatch, KeystoreTooCostly, WrongPassphrase
from shared.keys.work_slots import WorkSlots

MAX_MEMORY = 256 * 1024 * 1024  # bytes: 128·n·r
MAX_WORK = 2**22  # n·r·p: twice geth's standard, about 1.5 s
MAX_ROUNDS = 5_000_000  # of PBKDF2, about 1.2 s
MAX_NESTING = 16  # brackets in the text; a keystore has four
MIN_PASSPHRASE = 8  # characters, for files made here

_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})+)")
_slots = WorkSlots(slots=1, wait=0.0)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """scrypt's cost (RFC 7914): memory 128·n·r bytes, work n·r·p."""

    n: int
    r: int
    p: int


EXPORT_COST = Scrypt(n=2**17, r=8, p=1)  # as OWASP advises; 128 MiB, which 512 MiB can spare


@dataclass(frozen=True, slots=True)
class _Crypto:
    """The `crypto` part of a file after every check that needs no passphrase."""

    kdf: str
    params: Mapping[str, Any]
    salt: bytes
    iv: bytes
    ciphertext: bytes
    mac: bytes


def encrypt(private_key: bytes, passphrase: str, cost: Scrypt = EXPORT_COST) -> dict[str, Any]:
    """A keystore object for `private_key`; about 0.35 s and 128 MiB at the default cost.

    Raises InvalidValue for a bad key or a passphrase under 8 characters, KeyWorkBusy (503).
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise InvalidValue("passphrase", f"must have at least {MIN_PASSPHRASE} characters")
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    params = {"dklen": 32, "n": cost.n, "r": cost.r, "p": cost.p}
    derived = _derived("scrypt", params, salt, _utf8(passphrase))
    ciphertext = _cipher(derived, iv, checked_key(private_key))
    return {
        "version": 3,
        "id": str(uuid.uuid4()),
        "address": address_of(private_key)[2:].lower(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {**params, "salt": salt.hex()},
            "mac": _mac(derived, ciphertext).hex(),
        },
    }


def decrypt(keystore: Mapping[str, Any] | str, passphrase: str, field_name: str = "keystore") -> bytes:
    """The private key in a keystore object or its JSON text.

    Raises InvalidValue (not a keystore), KeystoreTooCostly, WrongPassphrase, AddressMismatch (the file's
    address is another), KeyWorkBusy (503).
    """
    document = _document(keystore, field_name)
    crypto = _parsed(document, field_name)
    derived = _derived(crypto.kdf, crypto.params, crypto.salt, _utf8(passphrase))
    if not hmac.compare_digest(_mac(derived, crypto.ciphertext), crypto.mac):
        raise WrongPassphrase
    key = checked_key(_cipher(derived, crypto.iv, crypto.ciphertext), field_name)
    stated = document.get("address")
    if stated is not None and str(stated).lower().removeprefix("0x") != address_of(key)[2:].lower():
        raise AddressMismatch
    return key


def _document(keystore: Mapping[str, Any] | str, field_name: str) -> Mapping[str, Any]:
    if isinstance(keystore, str):
        nesting = keystore.count("[") + keystore.count("{")  # deep nesting can end the process
        try:
            keystore = json.loads(keystore) if nesting <= MAX_NESTING else {}
        except ValueError:
            keystore = {}
    if not isinstance(keystore, Mapping) or keystore.get("version") != 3:
        raise InvalidValue(field_name, "must be a keystore object of version 3")
    return keystore


def _parsed(document: Mapping[str, Any], field_name: str) -> _Crypto:
    """Raises InvalidValue for a missing or malformed part, KeystoreTooCostly for an absurd cost."""
    crypto = document.get("crypto", document.get("Crypto"))
    parts = crypto if isinstance(crypto, Mapping) else {}
    params, cipher = parts.get("kdfparams"), parts.get("cipherparams")
    if not isinstance(params, Mapping) or not isinstance(cipher, Mapping):
        raise InvalidValue(field_name, "must have crypto with kdfparams and cipherparams")
    if parts.get("cipher") != "aes-128-ctr" or params.get("dklen") != 32:
        raise InvalidValue(field_name, "must use aes-128-ctr and a derived key of 32 bytes")
    _check_cost(parts.get("kdf"), params, field_name)
    return _Crypto(
        kdf=parts["kdf"],
        params=params,
        salt=_hex(params.get("salt"), range(1, 1025), "salt", field_name),
        iv=_hex(cipher.get("iv"), range(16, 17), "iv", field_name),
        ciphertext=_hex(parts.get("ciphertext"), range(32, 33), "ciphertext", field_name),
        mac=_hex(parts.get("mac"), range(32, 33), "mac", field_name),
    )


def _check_cost(kdf: object, params: Mapping[str, Any], field_name: str) -> None:
    """Bounds of memory and work, before any is spent. Raises InvalidValue or KeystoreTooCostly."""
    names = {"scrypt": ("n", "r", "p"), "pbkdf2": ("c",)}.get(str(kdf))
    if names is None or (kdf == "pbkdf2" and params.get("prf") != "hmac-sha256"):
        raise InvalidValue(field_name, "must derive its key by scrypt or by pbkdf2 with hmac-sha256")
    numbers = [params.get(name) for name in names]
    if not all(isinstance(number, int) and number is not True and number > 0 for number in numbers):
        raise InvalidValue(field_name, f"kdfparams must have positive integers {', '.join(names)}")
    if kdf == "pbkdf2":
        if params["c"] > MAX_ROUNDS:
            raise KeystoreTooCostly(rounds=params["c"], limit=MAX_ROUNDS)
        return
    n, r, p = params["n"], params["r"], params["p"]
    if 128 * n * r > MAX_MEMORY or n * r * p > MAX_WORK:
        raise KeystoreTooCostly(n=n, r=r, p=p, limit_bytes=MAX_MEMORY, limit_work=MAX_WORK)
    if n < 2 or n & (n - 1):
        raise InvalidValue(field_name, "kdfparams.n must be a power of two above 1")


def _derived(kdf: str, params: Mapping[str, Any], salt: bytes, passphrase: bytes) -> bytes:
    """32 bytes; the first half encrypts, the second authenticates. One at a time per instance."""
    with _slots:
        if kdf == "pbkdf2":
            return hashlib.pbkdf2_hmac("sha256", passphrase, salt, params["c"], 32)
        n, r, p = params["n"], params["r"], params["p"]
        if n >= 2 ** (16 * r):  # beyond RFC 7914, which OpenSSL enforces; the published vector is
            from Crypto.Protocol.KDF import scrypt

            return bytes(scrypt(passphrase, salt, 32, n, r, p))  # type: ignore[arg-type]
        memory = 128 * r * (n + p + 2) + 65_536  # what OpenSSL counts, and a little more
        return hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=32)


def _cipher(derived: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-128-CTR, its own inverse. The MAC over the result is what protects it."""
    stream = Cipher(algorithms.AES(derived[:16]), modes.CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()


def _mac(derived: bytes, ciphertext: bytes) -> bytes:
    return curve.keccak(derived[16:32] + ciphertext)


def _utf8(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        raise InvalidValue("passphrase", "must be Unicode text") from None


def _hex(value: object, sizes: range, name: str, field_name: str) -> bytes:
    match = _HEX.fullmatch(value) if isinstance(value, str) else None
    if match is None or len(match[1]) // 2 not in sizes:
        raise InvalidValue(field_name, f"{name} must be hexadecimal of the right length")
    return bytes.fromhex(match[1])
