"""The small parts: checksum, data-key cache, gate, import cost."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from shared.keys.crc32c import crc32c
from shared.keys.data_keys import DataKeyCache
from shared.keys.errors import KeyWorkBusy
from shared.keys.work_slots import WorkSlots


@pytest.mark.parametrize(
    ("data", "checksum"),
    [  # RFC 3720, B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_checksums(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_data_key_lives_five_minutes_however_often_it_is_used() -> None:
    clock = Clock()
    cache = DataKeyCache(clock=clock)
    cache.put(b"a", b"key")
    for clock.now in (100.0, 200.0, 299.9):
        assert cache.get(b"a") == b"key"
    clock.now = 300.0
    assert cache.get(b"a") is None
    assert not cache._keys


def test_the_least_recently_used_data_key_makes_room() -> None:
    cache = DataKeyCache(entries=2)
    cache.put(b"a", b"1")
    cache.put(b"b", b"2")
    assert cache.get(b"a") == b"1"
    cache.put(b"c", b"3")
    assert [cache.get(name) for name in (b"a", b"b", b"c")] == [b"1", None, b"3"]


@pytest.mark.parametrize("seconds", [-1.0, 300.1])
def test_data_keys_are_never_kept_longer(seconds: float) -> None:
    with pytest.raises(ValueError, match="five minutes"):
        DataKeyCache(seconds=seconds)


def test_a_gate_refuses_what_does_not_fit_and_lets_in_again() -> None:
    gate = WorkSlots(slots=2, wait=0.0)
    with gate, gate, pytest.raises(KeyWorkBusy), gate:
        pass
    with pytest.raises(RuntimeError), gate:
        raise RuntimeError
    with gate, gate:
        pass


def test_a_gate_waits_for_its_turn() -> None:
    gate, entered = WorkSlots(slots=1, wait=5.0), threading.Event()

    def other() -> None:
        with gate:
            entered.set()

    thread = threading.Thread(target=other)
    with gate:
        thread.start()
        assert not entered.wait(0.05)
    thread.join(5)
    assert entered.is_set()


@pytest.mark.parametrize(
    "modules",
    [
        "shared.keys.accounts, shared.keys.raw_transactions, shared.keys.hd, shared.keys.mnemonic",
        "shared.keys.local_vault, shared.keys.messages, shared.keys.keystore, shared.keys.kms_vault",
    ],
)
def test_heavy_libraries_are_imported_when_they_are_needed(modules: str) -> None:
    """eth_account costs half a second of a cold start, google-cloud-kms nearly as much."""
    code = f"import sys, {modules}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "eth_account",
        "eth_keyfile",
        "eth_keys",
        "eth_utils",
        "web3",
        "google.cloud.kms_v1",
        "grpc",
        "pydantic",
    }
    assert not heavy & set(run.stdout.split())


_SEND = """
import sys
from shared.keys import accounts, hd, raw_transactions
signer = accounts.KeySigner(hd.derive(bytes(64), "m/44'/60'/0'/0/0"))
fees = {"gasPrice": 1}, {"gasPrice": 1, "accessList": []}, {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}
for fee in fees:
    signed = signer.sign_transaction({"chainId": 1, "nonce": 0, "gas": 21000, "to": signer.address, **fee})
    raw_transactions.decode_signed(signed.raw)
print(*sys.modules)
"""


def test_the_send_path_needs_no_library_of_the_field() -> None:
    """From a seed to the bytes of each transaction type: decision 0001 keeps these libraries out of dispatch."""
    run = subprocess.run([sys.executable, "-c", _SEND], capture_output=True, text=True, check=True)
    assert not {"eth_account", "web3", "eth_keyfile", "eth_keys", "py_ecc"} & set(run.stdout.split())
