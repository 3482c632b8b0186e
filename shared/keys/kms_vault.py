"""Custody in Cloud KMS: a vault whose master key never leaves KMS, and a signer whose key never leaves KMS.

`CloudKmsVault` serves users' wallets: KMS wraps one data key per secret, and unwrapped data keys stay in memory for at
most five minutes. `KmsTreasurySigner` serves the operator's few hot wallets: one call per signature.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from shared.keys import curve, envelope
from shared.keys.accounts import address_of_public_key, refuse_other_sender
from shared.keys.data_keys import DataKeyCache
from shared.keys.errors import KeyServiceRefused, MasterKeyMissing, SealBroken
from shared.keys.kms_client import KmsCalls
from shared.keys.raw_transactions import SignedBytes, UnsignedTransaction
from shared.keys.vault import Binding, SealedKey

VERSIONS = "/cryptoKeyVersions/"
PRIMARY_SECONDS = 300.0  # for which `is_current` trusts the primary version that it has learnt


class CloudKmsVault:
    """A `KeyVault` over one symmetric KMS key (`projects/…/cryptoKeys/…`, purpose ENCRYPT_DECRYPT).

    Each secret records the key version that wrapped it: after KMS rotates, `is_current` shows which ones to reseal.
    `older` names keys that still open. Any other key name in a stored row is refused, because an attacker could have
    inserted their own key."""

    def __init__(
        self,
        key_name: str,
        *,
        older: tuple[str, ...] = (),
        calls: KmsCalls | None = None,
        cache: DataKeyCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key_name = key_name
        self._openable = frozenset({key_name, *older})
        self._calls = calls or KmsCalls()
        self._cache = cache or DataKeyCache()
        self._clock = clock
        self._primary: tuple[float, str] | None = None

    def seal(self, secret: bytes, binding: Binding) -> SealedKey:
        """See `KeyVault.seal`. It makes one call. Raises VaultUnavailable, KeyServiceRefused."""
        data_key = envelope.new_data_key()
        context = envelope.wrap_context(self._key_name, binding)
        version, wrapped = self._calls.encrypt(self._key_name, data_key, context)
        self._learn(version)
        self._cache.put(_cache_name(wrapped, context), data_key)
        return envelope.encrypted(secret, data_key, SealedKey(version, b"", wrapped, b"", b""), binding)

    def open(self, sealed: SealedKey, binding: Binding) -> bytes:
        """See `KeyVault.open`. It makes one call unless the data key is cached. Also raises VaultUnavailable."""
        key_name = sealed.master_key_id.partition(VERSIONS)[0]
        if key_name not in self._openable:
            raise MasterKeyMissing("the secret was sealed under a key that this vault does not use")
        context = envelope.wrap_context(key_name, binding)
        name = _cache_name(sealed.wrapped_key, context)
        data_key = self._cache.get(name)
        if data_key is None:
            data_key = self._calls.decrypt(key_name, sealed.wrapped_key, context)
            if len(data_key) != envelope.KEY_BYTES:
                raise SealBroken("a wrapped data key has the wrong size")
            self._cache.put(name, data_key)
        return envelope.decrypted(sealed, data_key, binding)

    def is_current(self, sealed: SealedKey) -> bool:
        """See `KeyVault.is_current`. It encrypts at most once in five minutes to learn the primary version."""
        if self._primary is None or self._primary[0] <= self._clock():
            self._learn(self._calls.encrypt(self._key_name, b"?", b"")[0])
        assert self._primary is not None
        return sealed.master_key_id == self._primary[1]

    def _learn(self, version: str) -> None:
        self._primary = (self._clock() + PRIMARY_SECONDS, version)


class KmsTreasurySigner:
    """A `Signer` whose key stays in an HSM (EC_SIGN_SECP256K1_SHA256). KMS signatures are not deterministic.

    Signing one transaction twice gives two hashes: store the first result before broadcasting it, and never sign again
    to retry."""

    def __init__(self, key_version: str, public_key: bytes, calls: KmsCalls | None = None) -> None:
        """`public_key` is the stored 64 bytes x ‖ y, which `fetch_public_key` returned at enrolment."""
        self._key_version = key_version
        self._public_key = public_key
        self._calls = calls or KmsCalls()

    @property
    def address(self) -> str:
        """The EIP-55 address of the stored public key."""
        return address_of_public_key(self._public_key)

    def sign_digest(self, digest: bytes) -> curve.Signature:
        """Sign a digest in one call. Raises KeyServiceRefused if the signature is not from the stored public key."""
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(self._calls.sign(self._key_version, digest))
        s = min(s, curve.ORDER - s)  # EIP-2: half of all ECDSA signatures have the larger s
        for y_parity in (0, 1):
            signature = curve.Signature(r, s, y_parity)
            if curve.recovered(digest, signature) == self._public_key:
                return signature
        raise KeyServiceRefused("the treasury signature is not by the stored public key")

    def sign_transaction(self, tx: Mapping[str, Any]) -> SignedBytes:
        """Sign a transaction dict (`UnsignedTransaction.of`). Also raises InvalidValue and
        AddressMismatch."""
        refuse_other_sender(tx, self.address)
        transaction = UnsignedTransaction.of(tx)
        return transaction.signed(self.sign_digest(transaction.digest()))


def fetch_public_key(key_version: str, calls: KmsCalls | None = None) -> bytes:
    """The 64 bytes x ‖ y of a treasury key, to be stored with its wallet. Raises KeyServiceRefused."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key((calls or KmsCalls()).public_key(key_version).encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256K1):
        raise KeyServiceRefused("the treasury key is not on secp256k1")
    point = key.public_numbers()
    return point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")


def _cache_name(wrapped: bytes, context: bytes) -> bytes:
    """The cache key of a wrapped key and everything it is bound to, so that another wallet's row never matches."""
    return hashlib.sha256(len(wrapped).to_bytes(4, "big") + wrapped + context).digest()
