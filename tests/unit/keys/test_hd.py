"""BIP-32 and BIP-44: the published vectors, a second implementation, well-known addresses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from bip_utils import Base58Decoder, Bip32Slip10Secp256k1, Bip44, Bip44Changes, Bip44Coins
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.registry import Registry
from shared.domain.errors import InvalidValue
from shared.keys import hd, mnemonic
from shared.keys.accounts import address_of
from shared.keys.curve import ORDER

HERE = Path(__file__).parent / "vectors"
JUNK = mnemonic.to_seed("test test test test test test test test test test test junk")
account_path = Registry().chain("ethereum").path
PATHS = st.lists(st.tuples(st.integers(0, hd.HARDENED - 1), st.booleans()), min_size=1, max_size=hd.MAX_DEPTH)


def _extended(key: str) -> tuple[bytes, bytes]:
    """(private key, chain code) of an xprv."""
    data = Base58Decoder.CheckDecode(key)
    return data[46:78], data[13:45]


@pytest.mark.parametrize(
    "vector", json.loads((HERE / "bip32.json").read_text()), ids=lambda v: f"{v['seed'][:8]}-{v['path']}"
)
def test_published_bip32_vectors(vector: dict[str, str]) -> None:
    """BIP-32, test vectors 1 to 4; the last two are about leading zeros."""
    node = hd.ExtendedKey.of_seed(bytes.fromhex(vector["seed"]))
    for index in hd.parse_path(vector["path"]) if vector["path"] != "m" else ():
        node = node.child(index)
    assert (node.key, node.chain_code) == _extended(vector["key"])


@pytest.mark.parametrize(
    "vector", json.loads((HERE / "bip39_english.json").read_text()), ids=lambda v: v["entropy"]
)
def test_published_master_keys_of_mnemonics(vector: dict[str, str]) -> None:
    node = hd.ExtendedKey.of_seed(bytes.fromhex(vector["seed"]))
    assert (node.key, node.chain_code) == _extended(vector["master"])


@given(seed=st.binary(min_size=16, max_size=64), steps=PATHS)
def test_a_second_implementation_derives_the_same_keys(seed: bytes, steps: list[tuple[int, bool]]) -> None:
    path = "/".join(("m", *(str(number) + "'" * hardened for number, hardened in steps)))
    expected = Bip32Slip10Secp256k1.FromSeed(seed).DerivePath(path).PrivateKey().Raw().ToBytes()
    assert hd.derive(seed, path) == expected


@given(seed=st.binary(min_size=64, max_size=64), index=st.integers(0, hd.HARDENED - 1))
def test_account_paths_are_those_of_bip44(seed: bytes, index: int) -> None:
    account = Bip44.FromSeed(seed, Bip44Coins.ETHEREUM).Purpose().Coin().Account(0)
    expected = account.Change(Bip44Changes.CHAIN_EXT).AddressIndex(index)
    key = hd.derive(seed, account_path(index))
    assert key == expected.PrivateKey().Raw().ToBytes()
    assert address_of(key) == expected.PublicKey().ToAddress()


@pytest.mark.parametrize(
    ("index", "address"),
    [
        (0, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        (1, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        (9, "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"),
    ],
)
def test_the_accounts_every_development_node_has(index: int, address: str) -> None:
    assert address_of(hd.derive(JUNK, account_path(index))) == address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "m",
        "m/",
        "/0",
        "M/0",
        "44'/60'",
        "m/44'/60'/0'/0/",
        "m//0",
        "m/-1",
        "m/+1",
        "m/ 0",
        "m/0x1",
        "m/00",
        "m/01'",
        "m/0''",
        "m/'",
        "m/2147483648",
        "m/2147483648'",
        "m/99999999999",
        "m/0\n",
        "m/٠",
        "m" + "/0" * 11,
        "m" + "/0" * 100_000,
    ],
)
def test_a_malformed_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        hd.parse_path(path)
    assert caught.value.details[0]["field"] == "derivation_path"


def test_hardened_marks_are_equivalent_and_stored_in_one_form() -> None:
    assert hd.normalised_path("m/44h/60H/0'/0/7") == "m/44'/60'/0'/0/7"
    assert hd.derive(JUNK, "m/44h/60H/0'/0/7") == hd.derive(JUNK, account_path(7))


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_seed_has_a_size(size: int) -> None:
    with pytest.raises(InvalidValue):
        hd.derive(bytes(size), "m/0")


@pytest.mark.parametrize("tweak", [ORDER, 2**256 - 1])
def test_a_digest_beyond_the_order_gives_no_key(monkeypatch: pytest.MonkeyPatch, tweak: int) -> None:
    """BIP-32: proceed with the next index. The chance is 1 in 2^127, so the test invents the digest."""
    monkeypatch.setattr(hd.hmac, "digest", lambda *_: tweak.to_bytes(32, "big") + bytes(32))
    with pytest.raises(InvalidValue, match="not valid"):
        hd.derive(JUNK, "m/0")


def test_nothing_secret_shows_in_a_repr() -> None:
    node = hd.ExtendedKey.of_seed(hashlib.sha512(b"seed").digest())
    assert repr(node) == "ExtendedKey()"
