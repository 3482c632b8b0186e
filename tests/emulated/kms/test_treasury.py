"""The treasury signer through the real client: signatures are valid, low-s, recoverable, and by the stored key only."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account

from shared.domain.errors import InvalidValue
from shared.keys import kms_vault as custody
from shared.keys.accounts import Signer, address_of, refuse_other_sender
from shared.keys.curve import ORDER, keccak, public_key_of, recovered
from shared.keys.errors import AddressMismatch, KeyServiceRefused, VaultUnavailable
from shared.keys.kms_client import KmsCalls
from shared.keys.kms_vault import KmsTreasurySigner, fetch_public_key
from shared.keys.raw_transactions import decode_signed
from tests.emulated.kms.server import Algorithms, KmsServer

DYNAMIC = {
    "chainId": 31337,
    "nonce": 3,
    "gas": 21000,
    "maxFeePerGas": 2 * 10**9,
    "maxPriorityFeePerGas": 10**9,
    "to": "0x" + "35" * 20,
    "value": 10**18,
}
LEGACY = {"chainId": 1, "nonce": 0, "gas": 21000, "gasPrice": 10**9, "to": "0x" + "35" * 20, "value": 1}


def _signer(kms: KmsServer, calls: KmsCalls) -> KmsTreasurySigner:
    version = kms.add_signing()
    return KmsTreasurySigner(version, fetch_public_key(version, calls), calls)


def test_enrolment_reads_the_public_key(kms: KmsServer, calls: KmsCalls) -> None:
    version = kms.add_signing()
    public_key = fetch_public_key(version, calls)
    assert public_key == public_key_of(kms.secret_of(version))
    assert KmsTreasurySigner(version, public_key, calls).address == address_of(kms.secret_of(version))


def test_signatures_have_the_lower_s_and_recover(kms: KmsServer, calls: KmsCalls) -> None:
    """64 random ones: without normalisation half would fail, without the search for v another half."""
    signer = _signer(kms, calls)
    parities = set()
    for number in range(64):
        digest = keccak(number.to_bytes(4, "big"))
        signature = signer.sign_digest(digest)
        assert 0 < signature.s <= ORDER // 2
        assert custody.address_of_public_key(recovered(digest, signature)) == signer.address
        parities.add(signature.y_parity)
    assert parities == {0, 1}
    assert kms.calls["AsymmetricSign"] == 64


@pytest.mark.parametrize(
    "tx", [DYNAMIC, LEGACY, {**LEGACY, "accessList": []}], ids=["1559", "legacy", "2930"]
)
def test_signed_transactions_are_valid(kms: KmsServer, calls: KmsCalls, tx: dict[str, Any]) -> None:
    signer: Signer = _signer(kms, calls)
    signed = signer.sign_transaction({**tx, "from": signer.address})
    assert Account.recover_transaction(signed.raw) == signer.address
    assert keccak(signed.raw) == signed.hash
    decode_signed(signed.raw)


def test_signing_twice_gives_two_hashes(kms: KmsServer, calls: KmsCalls) -> None:
    """The reason to store the first signature: KMS picks random nonces."""
    signer = _signer(kms, calls)
    assert signer.sign_transaction(DYNAMIC).hash != signer.sign_transaction(DYNAMIC).hash


def test_a_signature_by_another_key_is_refused(kms: KmsServer, calls: KmsCalls) -> None:
    signer = KmsTreasurySigner(kms.add_signing("one"), fetch_public_key(kms.add_signing("two"), calls), calls)
    with pytest.raises(KeyServiceRefused, match="stored public key"):
        signer.sign_transaction(DYNAMIC)


def test_bad_transactions_never_reach_kms(kms: KmsServer, calls: KmsCalls) -> None:
    signer = _signer(kms, calls)
    with pytest.raises(AddressMismatch):
        signer.sign_transaction({**DYNAMIC, "from": "0x" + "35" * 20})
    with pytest.raises(InvalidValue):
        signer.sign_transaction({**DYNAMIC, "chainId": 0})
    assert kms.calls["AsymmetricSign"] == 0
    refuse_other_sender({}, signer.address)


@pytest.mark.parametrize("field", ["signature", "signature_crc32c", "verified_digest_crc32c", "name"])
def test_a_corrupted_signature_is_not_used(kms: KmsServer, calls: KmsCalls, field: str) -> None:
    signer = _signer(kms, calls)

    def corrupt(answer: Any) -> None:
        value = getattr(answer, field)
        if isinstance(value, bytes):
            setattr(answer, field, value[:-1] + bytes([value[-1] ^ 1]))
        else:
            setattr(answer, field, value + "0" if isinstance(value, str) else int(value) ^ 1)

    kms.corrupt = corrupt
    with pytest.raises(VaultUnavailable, match="corrupted"):
        signer.sign_transaction(DYNAMIC)


def test_only_secp256k1_keys_may_be_enrolled(kms: KmsServer, calls: KmsCalls) -> None:
    p256 = kms.add_signing("p256", ec.SECP256R1(), Algorithms.EC_SIGN_P256_SHA256)
    disguised = kms.add_signing("disguised", ec.SECP256R1())
    for version in (p256, disguised):
        with pytest.raises(KeyServiceRefused):
            fetch_public_key(version, calls)


def test_a_disabled_key_and_a_withdrawn_right_are_faults(kms: KmsServer, calls: KmsCalls) -> None:
    version = kms.add_signing()
    signer = KmsTreasurySigner(version, fetch_public_key(version, calls), calls)
    kms.disabled.add(version)
    with pytest.raises(KeyServiceRefused, match="FailedPrecondition"):
        signer.sign_transaction(DYNAMIC)
    kms.disabled.clear()
    kms.denied.add(version.partition("/cryptoKeyVersions/")[0])
    with pytest.raises(KeyServiceRefused, match="PermissionDenied"):
        signer.sign_transaction(DYNAMIC)


def test_a_passing_failure_is_retried(kms: KmsServer, calls: KmsCalls) -> None:
    signer = _signer(kms, calls)
    kms.failures = [grpc.StatusCode.UNAVAILABLE]
    assert Account.recover_transaction(signer.sign_transaction(DYNAMIC).raw) == signer.address
    assert kms.calls["AsymmetricSign"] == 2
