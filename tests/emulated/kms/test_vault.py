"""The Cloud KMS vault through the real client: sealing, refusals, and the number of calls."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import grpc
import pytest

from shared.keys.data_keys import DataKeyCache
from shared.keys.errors import KeyFault, KeyServiceRefused, MasterKeyMissing, SealBroken, VaultUnavailable
from shared.keys.kms_client import KmsCalls
from shared.keys.kms_vault import CloudKmsVault
from shared.keys.local_vault import LocalVault, MasterKeys
from shared.keys.vault import Binding, KeyVault, SealedKey, reseal
from tests.emulated.kms.server import KmsServer

SECRET = bytes(range(32))
BINDING = Binding("usr_1", "wal_1", "private_key", 1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _vault(kms: KmsServer, calls: KmsCalls, **options: Any) -> CloudKmsVault:
    return CloudKmsVault(kms.add_symmetric(), calls=calls, **options)


def test_what_was_sealed_opens_in_another_instance(kms: KmsServer, calls: KmsCalls) -> None:
    key = kms.add_symmetric()
    vault: KeyVault = CloudKmsVault(key, calls=calls)
    stored = vault.seal(SECRET, BINDING).to_bytes()
    assert SECRET not in stored
    sealed = SealedKey.from_bytes(stored)
    assert sealed.master_key_id == f"{key}/cryptoKeyVersions/1"
    assert CloudKmsVault(key, calls=calls).open(sealed, BINDING) == SECRET
    assert kms.calls == {"Encrypt": 1, "Decrypt": 1}


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(BINDING, tenant="usr_2"),
        dataclasses.replace(BINDING, wallet_id="wal_2"),
        dataclasses.replace(BINDING, purpose="seed"),
        dataclasses.replace(BINDING, key_version=2),
    ],
)
def test_a_swapped_ciphertext_is_refused_by_kms_and_by_a_warm_cache(
    kms: KmsServer, calls: KmsCalls, other: Binding
) -> None:
    vault = _vault(kms, calls)
    sealed = vault.seal(SECRET, BINDING)
    for _ in range(2):
        with pytest.raises(SealBroken):
            vault.open(sealed, other)
        assert vault.open(sealed, BINDING) == SECRET
    assert kms.calls["Decrypt"] == 2  # the cached data key was not even tried for another binding


def test_every_changed_byte_is_noticed(kms: KmsServer, calls: KmsCalls) -> None:
    vault = _vault(kms, calls)
    stored = vault.seal(SECRET, BINDING).to_bytes()
    for place in range(len(stored)):
        changed = stored[:place] + bytes([stored[place] ^ 1]) + stored[place + 1 :]
        with pytest.raises(KeyFault):
            vault.open(SealedKey.from_bytes(changed), BINDING)


def test_parts_of_two_seals_do_not_mix(kms: KmsServer, calls: KmsCalls) -> None:
    vault = _vault(kms, calls)
    old, new = vault.seal(b"old", BINDING), vault.seal(b"new", BINDING)
    for field in ("wrapped_key", "nonce", "ciphertext"):
        with pytest.raises(SealBroken):
            vault.open(dataclasses.replace(new, **{field: getattr(old, field)}), BINDING)


def test_a_key_that_a_stored_row_names_is_not_simply_used(kms: KmsServer, calls: KmsCalls) -> None:
    """Otherwise an attacker who can write rows could plant a secret under their own key."""
    planted = CloudKmsVault(kms.add_symmetric("attacker"), calls=calls).seal(SECRET, BINDING)
    with pytest.raises(MasterKeyMissing):
        _vault(kms, calls).open(planted, BINDING)
    local = LocalVault(MasterKeys.generate(), production=False).seal(SECRET, BINDING)
    with pytest.raises(MasterKeyMissing):
        _vault(kms, calls).open(local, BINDING)


def test_data_keys_are_cached_for_five_minutes_and_no_longer(kms: KmsServer, calls: KmsCalls) -> None:
    clock = Clock()
    key = kms.add_symmetric()
    sealed = CloudKmsVault(key, calls=calls).seal(SECRET, BINDING)
    vault = CloudKmsVault(key, calls=calls, cache=DataKeyCache(clock=clock), clock=clock)
    for clock.now in (0.0, 100.0, 299.0):
        assert vault.open(sealed, BINDING) == SECRET
    assert kms.calls["Decrypt"] == 1
    clock.now = 301.0
    assert vault.open(sealed, BINDING) == SECRET
    assert kms.calls["Decrypt"] == 2


def test_a_withdrawn_right_ends_when_the_cache_does(kms: KmsServer, calls: KmsCalls) -> None:
    clock = Clock()
    key = kms.add_symmetric()
    vault = CloudKmsVault(key, calls=calls, cache=DataKeyCache(clock=clock), clock=clock)
    sealed = vault.seal(SECRET, BINDING)
    kms.denied.add(key)
    assert vault.open(sealed, BINDING) == SECRET
    clock.now = 301.0
    with pytest.raises(KeyServiceRefused, match="PermissionDenied"):
        vault.open(sealed, BINDING)


def test_a_rotated_key_is_resealed_step_by_step(kms: KmsServer, calls: KmsCalls) -> None:
    clock = Clock()
    key = kms.add_symmetric()
    vault = CloudKmsVault(key, calls=calls, cache=DataKeyCache(clock=clock), clock=clock)
    first = vault.seal(SECRET, BINDING)
    assert reseal(vault, first, BINDING) is None
    kms.rotate(key)
    clock.now = 301.0  # until then the client considers the old primary current
    assert not vault.is_current(first)
    second = reseal(vault, first, BINDING)
    assert second is not None
    assert second.master_key_id.endswith("/2")
    assert reseal(vault, second, BINDING) is None
    assert vault.open(first, BINDING) == vault.open(second, BINDING) == SECRET
    kms.disabled.add(first.master_key_id)
    fresh = CloudKmsVault(key, calls=calls)
    assert fresh.open(second, BINDING) == SECRET
    with pytest.raises(KeyServiceRefused, match="FailedPrecondition"):
        fresh.open(first, BINDING)


def test_a_replaced_key_still_opens_while_it_is_named(kms: KmsServer, calls: KmsCalls) -> None:
    old, new = kms.add_symmetric("old"), kms.add_symmetric("new")
    sealed = CloudKmsVault(old, calls=calls).seal(SECRET, BINDING)
    vault = CloudKmsVault(new, older=(old,), calls=calls)
    assert not vault.is_current(sealed)
    moved = reseal(vault, sealed, BINDING)
    assert moved is not None
    assert CloudKmsVault(new, calls=calls).open(moved, BINDING) == SECRET


def _flip(field: str) -> Any:
    def corrupt(answer: Any) -> None:
        value = getattr(answer, field)
        if isinstance(value, bytes):
            setattr(answer, field, bytes([value[0] ^ 1]) + value[1:])
        elif isinstance(value, bool):
            setattr(answer, field, not value)
        elif isinstance(value, str):
            setattr(answer, field, value.replace("/master/", "/other/").replace("/treasury/", "/other/"))
        else:
            setattr(answer, field, value ^ 1)

    return corrupt


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "ciphertext",
        "ciphertext_crc32c",
        "verified_plaintext_crc32c",
        "verified_additional_authenticated_data_crc32c",
    ],
)
def test_a_corrupted_answer_to_encrypt_is_not_stored(kms: KmsServer, calls: KmsCalls, field: str) -> None:
    vault = _vault(kms, calls)
    kms.corrupt = _flip(field)
    with pytest.raises(VaultUnavailable, match="corrupted"):
        vault.seal(SECRET, BINDING)


@pytest.mark.parametrize("field", ["plaintext", "plaintext_crc32c"])
def test_a_corrupted_answer_to_decrypt_is_not_used(kms: KmsServer, calls: KmsCalls, field: str) -> None:
    vault = _vault(kms, calls, cache=DataKeyCache(seconds=0))
    sealed = vault.seal(SECRET, BINDING)
    kms.corrupt = _flip(field)
    with pytest.raises(VaultUnavailable, match="corrupted"):
        vault.open(sealed, BINDING)
    kms.corrupt = None
    assert vault.open(sealed, BINDING) == SECRET


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED", "UNKNOWN"])
def test_a_passing_failure_is_retried(kms: KmsServer, calls: KmsCalls, code: str) -> None:
    vault = _vault(kms, calls)
    kms.failures = [grpc.StatusCode[code]]
    assert vault.open(vault.seal(SECRET, BINDING), BINDING) == SECRET
    assert kms.calls["Encrypt"] == 2


def test_an_outage_is_answered_503_within_the_deadline(kms: KmsServer, calls: KmsCalls) -> None:
    vault = _vault(kms, calls)
    kms.failures = [grpc.StatusCode.UNAVAILABLE] * 1000
    started = time.monotonic()
    with pytest.raises(VaultUnavailable) as caught:
        vault.seal(SECRET, BINDING)
    assert time.monotonic() - started < 20
    assert (caught.value.status, caught.value.code) == (503, "VAULT_UNAVAILABLE")
    assert caught.value.retry_after


def test_a_silent_service_is_answered_503_within_the_deadline(kms: KmsServer) -> None:
    vault = _vault(kms, KmsCalls(kms.client(), deadline=0.3))
    kms.delay = 1.0
    started = time.monotonic()
    with pytest.raises(VaultUnavailable):
        vault.seal(SECRET, BINDING)
    assert time.monotonic() - started < 20


def test_a_missing_key_is_a_fault_that_names_no_secret(kms: KmsServer, calls: KmsCalls) -> None:
    vault = CloudKmsVault("projects/test/locations/us/keyRings/wallets/cryptoKeys/none", calls=calls)
    with pytest.raises(KeyServiceRefused, match="NotFound"):
        vault.seal(SECRET, BINDING)
