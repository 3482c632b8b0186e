"""The envelope and the local vault: only sealed secrets open, and only for their own binding."""

from __future__ import annotations

import dataclasses
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys import envelope
from shared.keys.errors import KeyFault, MasterKeyMissing, MasterKeyUnusable, SealBroken, SecretUnusable
from shared.keys.local_vault import LocalVault, MasterKeys, load_master_keys, save_master_keys
from shared.keys.vault import MAX_SECRET_BYTES, Binding, SealedKey, reseal

SECRET = bytes(range(32))
BINDING = Binding("usr_1", "wal_1", "private_key", 2)
KEYS = MasterKeys.generate()
VAULT = LocalVault(KEYS, production=False)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
bindings = st.builds(Binding, texts, texts, texts, st.integers(1, 2**63))


@given(secret=st.binary(min_size=1, max_size=MAX_SECRET_BYTES), binding=bindings)
def test_what_was_sealed_opens_after_storage(secret: bytes, binding: Binding) -> None:
    stored = VAULT.seal(secret, binding).to_bytes()
    assert secret not in stored or len(secret) < 4
    assert VAULT.open(SealedKey.from_bytes(stored), binding) == secret


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(BINDING, tenant="usr_2"),
        dataclasses.replace(BINDING, wallet_id="wal_2"),
        dataclasses.replace(BINDING, purpose="seed"),
        dataclasses.replace(BINDING, key_version=1),
        dataclasses.replace(BINDING, key_version=3),
        Binding("usr_1w", "al_1", "private_key", 2),  # the same text, cut elsewhere
    ],
)
def test_a_ciphertext_moved_to_another_binding_does_not_open(other: Binding) -> None:
    with pytest.raises(SealBroken):
        VAULT.open(VAULT.seal(SECRET, BINDING), other)


@given(left=bindings, right=bindings)
def test_two_bindings_never_look_alike(left: Binding, right: Binding) -> None:
    assert (left == right) == (left.to_bytes() == right.to_bytes())


def test_every_changed_byte_is_noticed() -> None:
    stored = VAULT.seal(SECRET, BINDING).to_bytes()
    for place in range(len(stored)):
        for change in (0x01, 0x80):
            changed = stored[:place] + bytes([stored[place] ^ change]) + stored[place + 1 :]
            with pytest.raises(KeyFault):
                VAULT.open(SealedKey.from_bytes(changed), BINDING)


def test_every_truncation_and_every_addition_is_noticed() -> None:
    stored = VAULT.seal(SECRET, BINDING).to_bytes()
    for size in range(len(stored)):
        with pytest.raises(SealBroken):
            VAULT.open(SealedKey.from_bytes(stored[:size]), BINDING)
    for more in (b"\0", b"\0\0", b"\0\1x"):
        with pytest.raises(SealBroken):
            SealedKey.from_bytes(stored + more)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_format_version_is_refused(version: int) -> None:
    with pytest.raises(SealBroken, match="format version"):
        SealedKey.from_bytes(bytes([version]) + VAULT.seal(SECRET, BINDING).to_bytes()[1:])


@pytest.mark.parametrize("field", ["wrap_nonce", "wrapped_key", "nonce", "ciphertext"])
def test_parts_of_two_seals_of_one_wallet_do_not_mix(field: str) -> None:
    """An older secret of the same wallet, restored in part, must not open either."""
    old, new = VAULT.seal(b"old", BINDING), VAULT.seal(b"new", BINDING)
    with pytest.raises(SealBroken):
        VAULT.open(dataclasses.replace(new, **{field: getattr(old, field)}), BINDING)


def test_the_wrapped_key_is_no_secret_of_its_own() -> None:
    """A wrapped data key passed off as a sealed secret would reveal the data key: the layers' labels differ."""
    sealed = VAULT.seal(SECRET, BINDING)
    forged = dataclasses.replace(sealed, nonce=sealed.wrap_nonce, ciphertext=sealed.wrapped_key)
    with pytest.raises(SealBroken):
        VAULT.open(forged, BINDING)


def test_both_layers_are_bound_to_the_wallet() -> None:
    """Each alone must refuse another binding: the key service sees only the first of them."""
    other = dataclasses.replace(BINDING, wallet_id="wal_2")
    assert envelope.wrap_context("m", BINDING) != envelope.wrap_context("m", other)
    assert envelope.wrap_context("m", BINDING) != envelope.wrap_context("n", BINDING)
    data_key = envelope.new_data_key()
    sealed = envelope.encrypted(SECRET, data_key, SealedKey("m", b"", b"", b"", b""), BINDING)
    assert envelope.decrypted(sealed, data_key, BINDING) == SECRET
    with pytest.raises(SealBroken):
        envelope.decrypted(sealed, data_key, other)


def test_equal_secrets_look_different() -> None:
    first, second = VAULT.seal(SECRET, BINDING), VAULT.seal(SECRET, BINDING)
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key


@pytest.mark.parametrize("secret", [b"", bytes(MAX_SECRET_BYTES + 1)])
def test_a_secret_has_a_size(secret: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        VAULT.seal(secret, BINDING)


def test_an_incomplete_binding_is_a_programming_error() -> None:
    for values in (("", "w", "p", 1), ("t", "", "p", 1), ("t", "w", "", 1), ("t", "w", "p", 0)):
        with pytest.raises(ValueError, match="binding"):
            Binding(*values)


def test_rotation_can_stop_anywhere_and_go_on() -> None:
    rows = {n: VAULT.seal(b"secret %d" % n, dataclasses.replace(BINDING, key_version=n)) for n in range(1, 6)}
    rotated = KEYS.rotated()
    vault = LocalVault(rotated, production=False)
    for n in (1, 2):  # killed after two rows
        rows[n] = reseal(vault, rows[n], dataclasses.replace(BINDING, key_version=n)) or rows[n]
    for n, row in rows.items():
        assert vault.open(row, dataclasses.replace(BINDING, key_version=n)) == b"secret %d" % n
    done = [reseal(vault, row, dataclasses.replace(BINDING, key_version=n)) for n, row in rows.items()]
    assert [row is None for row in done] == [True, True, False, False, False]
    rows = {n: new or rows[n] for n, new in zip(rows, done, strict=True)}
    alone = LocalVault(rotated.without(KEYS.active), production=False)
    for n, row in rows.items():
        assert alone.open(row, dataclasses.replace(BINDING, key_version=n)) == b"secret %d" % n


def test_a_forgotten_master_key_is_named_as_the_reason() -> None:
    with pytest.raises(MasterKeyMissing):
        LocalVault(MasterKeys.generate(), production=False).open(VAULT.seal(SECRET, BINDING), BINDING)


def test_another_master_key_under_the_same_id_opens_nothing() -> None:
    impostor = MasterKeys(KEYS.active, {KEYS.active: bytes(32)})
    with pytest.raises(SealBroken):
        LocalVault(impostor, production=False).open(VAULT.seal(SECRET, BINDING), BINDING)


def test_production_settings_refuse_the_local_vault() -> None:
    with pytest.raises(MasterKeyUnusable, match="production"):
        LocalVault(KEYS, production=True)


def test_the_first_run_makes_a_key_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "master.json"
    old = os.umask(0)
    try:
        keys = load_master_keys(path, create=True)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master_keys(path) == keys
    assert [entry.name for entry in path.parent.iterdir()] == ["master.json"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: load_master_keys(path, create=True).active, range(64)))
    assert len(set(found)) == 1


def test_a_replaced_key_file_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    rotated = load_master_keys(path, create=True).rotated()
    save_master_keys(path, rotated)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master_keys(path).active == rotated.active
    assert len(load_master_keys(path).keys) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.json"
    load_master_keys(path, create=True)
    path.chmod(mode)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        load_master_keys(path)


def test_an_absent_key_file_is_not_replaced_silently(tmp_path: Path) -> None:
    with pytest.raises(SecretUnusable):
        load_master_keys(tmp_path / "master.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"active": "a", "keys": {}}',
        '{"active": "a", "keys": {"a": "AAAA"}}',  # too short
        '{"active": "a", "keys": {"a": "not base64!"}}',
        '{"active": "a", "keys": {"a": 7}}',
        '{"active": "b", "keys": {"a": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
        '{"active": "ä", "keys": {"ä": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
    ],
)
def test_unfit_master_keys_are_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MasterKeyUnusable) as caught:
        MasterKeys.from_text(text)
    assert "AAAA" not in str(caught.value)


def test_nothing_secret_shows_in_a_repr() -> None:
    sealed = VAULT.seal(SECRET, BINDING)
    shown = repr(KEYS) + repr(VAULT) + repr(sealed)
    for secret in (*KEYS.keys.values(), sealed.ciphertext, sealed.wrapped_key):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
