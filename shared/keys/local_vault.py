"""The vault for development and self-hosting: master keys in a file (0600) or an environment variable.

The file is JSON: `{"active": "<id>", "keys": {"<id>": "<base64 of 32 bytes>"}}`. New secrets are sealed under the
active key; every listed key opens. A rotation adds a key, reseals, and drops the old one. Losing the file loses every
wallet: back it up. Production settings refuse this vault (use `kms_vault.CloudKmsVault`).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.keys import envelope
from shared.keys.errors import MasterKeyMissing, MasterKeyUnusable
from shared.keys.secret_files import mark as file_mark
from shared.keys.secret_files import read_secret, replace_secret
from shared.keys.vault import Binding, SealedKey


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Master keys by id; the `active` key seals. Ids are any printable ASCII, keys have 32 bytes."""

    active: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise MasterKeyUnusable("the active master key is not among the keys")
        if not all(name.isascii() and name.isprintable() and len(name) <= 64 for name in self.keys):
            raise MasterKeyUnusable("a master key id has 1 to 64 printable ASCII characters")
        if any(len(key) != envelope.KEY_BYTES for key in self.keys.values()):
            raise MasterKeyUnusable("a master key has 32 bytes")

    @classmethod
    def generate(cls) -> MasterKeys:
        """A set with one new random key."""
        name = _new_id()
        return cls(name, {name: envelope.new_data_key()})

    def rotated(self) -> MasterKeys:
        """The keys with a new active key; the others still open. Store it (`save_master_keys`) before sealing under
        it."""
        name = _new_id()
        return MasterKeys(name, {**self.keys, name: envelope.new_data_key()})

    def without(self, name: str) -> MasterKeys:
        """The keys without a retired one, under which nothing may be sealed any more. Raises MasterKeyUnusable for the
        active one."""
        return MasterKeys(self.active, {id_: key for id_, key in self.keys.items() if id_ != name})

    def to_text(self) -> str:
        """The JSON that `from_text` reads. It contains the keys: treat it as a secret."""
        keys = {name: base64.b64encode(key).decode() for name, key in self.keys.items()}
        return json.dumps({"active": self.active, "keys": keys}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> MasterKeys:
        """Parse the JSON of a file or an environment variable. Raises MasterKeyUnusable, without its content."""
        try:
            document = json.loads(text)
            keys = {name: base64.b64decode(key, validate=True) for name, key in document["keys"].items()}
            return cls(document["active"], keys)
        except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
            raise MasterKeyUnusable("the master keys are not in the documented JSON form") from None


def load_master_keys(path: Path, *, create: bool = False, owner_only: bool = True) -> MasterKeys:
    """The master keys in the file at `path`; with `create`, a missing file is created with a first key (0600).

    `owner_only` refuses a file that others can read. Raises SecretUnusable (absent, unreadable, open to others),
    MasterKeyUnusable if it does not contain master keys."""
    first = MasterKeys.generate().to_text if create else None
    return MasterKeys.from_text(read_secret(path, first, owner_only=owner_only))


def save_master_keys(path: Path, keys: MasterKeys) -> None:
    """Replace the file at `path` in one step (0600), so that a crash leaves the old or the new content."""
    replace_secret(path, keys.to_text())


class LocalVault:
    """A `KeyVault` over master keys in memory. Thread-safe; one call takes about 10 µs."""

    def __init__(self, master_keys: MasterKeys, *, production: bool, source: Path | None = None) -> None:
        """`source` is a file that is read again when it changes, so that a rotation needs no restart.

        Raises MasterKeyUnusable if `production` is set: there, master keys belong in Cloud KMS."""
        if production:
            raise MasterKeyUnusable("the local vault is refused in production: use Cloud KMS")
        self._read = master_keys
        self._source = source
        self._changed = file_mark(source)

    @property
    def _master_keys(self) -> MasterKeys:
        mark = file_mark(self._source)
        if self._source is not None and mark != self._changed:
            self._read, self._changed = load_master_keys(self._source), mark
        return self._read

    def seal(self, secret: bytes, binding: Binding) -> SealedKey:
        """See `KeyVault.seal`."""
        master_keys = self._master_keys
        master = master_keys.active
        data_key = envelope.new_data_key()
        nonce = secrets.token_bytes(envelope.NONCE_BYTES)
        context = envelope.wrap_context(master, binding)
        wrapped = AESGCM(master_keys.keys[master]).encrypt(nonce, data_key, context)
        return envelope.encrypted(secret, data_key, SealedKey(master, nonce, wrapped, b"", b""), binding)

    def open(self, sealed: SealedKey, binding: Binding) -> bytes:
        """See `KeyVault.open`."""
        master_key = self._master_keys.keys.get(sealed.master_key_id)
        if master_key is None:
            raise MasterKeyMissing("the secret was sealed under a master key that is not here")
        context = envelope.wrap_context(sealed.master_key_id, binding)
        data_key = envelope.unlocked(master_key, sealed.wrap_nonce, sealed.wrapped_key, context)
        return envelope.decrypted(sealed, data_key, binding)

    def is_current(self, sealed: SealedKey) -> bool:
        """See `KeyVault.is_current`."""
        return sealed.master_key_id == self._master_keys.active


def _new_id() -> str:
    return f"local-{secrets.token_hex(4)}"
