"""Signed transactions: published vectors, byte-for-byte agreement with eth-account, and strict decoding."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.keys import rlp
from shared.keys.accounts import KeySigner, address_of, address_of_public_key, sign_transaction
from shared.keys.curve import ORDER, public_key_of
from shared.keys.errors import AddressMismatch
from shared.keys.raw_transactions import UnsignedTransaction, decode_signed

KEY = b"\x46" * 32
EIP155 = {
    "nonce": 9,
    "gasPrice": 20 * 10**9,
    "gas": 21000,
    "to": "0x" + "35" * 20,
    "value": 10**18,
    "data": "0x",
    "chainId": 1,
}
DYNAMIC = {
    "type": 2,
    "chainId": 31337,
    "nonce": 0,
    "maxFeePerGas": 2 * 10**9,
    "maxPriorityFeePerGas": 10**9,
    "gas": 21000,
    "to": "0x" + "35" * 20,
    "value": 1,
}

addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)  # eth-account requires capitals
words = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
access_lists = st.lists(
    st.fixed_dictionaries({"address": addresses, "storageKeys": st.lists(words, max_size=3)}), max_size=3
)
common = {
    "chainId": st.integers(1, 2**53),
    "nonce": st.integers(0, 2**64 - 2),
    "gas": st.integers(0, 2**64 - 1),
    "to": st.one_of(st.just(""), addresses),
    "value": st.integers(0, 2**256 - 1),
    "data": st.binary(max_size=300).map(lambda raw: "0x" + raw.hex()),
}
fee = st.integers(0, 2**128)
transactions = st.one_of(
    st.fixed_dictionaries({**common, "gasPrice": fee}),
    st.fixed_dictionaries({**common, "gasPrice": fee, "accessList": access_lists, "type": st.just(1)}),
    st.fixed_dictionaries(
        {**common, "maxPriorityFeePerGas": fee, "maxFeePerGas": fee, "accessList": access_lists},
        optional={"type": st.sampled_from([2, "0x2"])},
    ).map(
        lambda tx: {**tx, "maxFeePerGas": max(tx["maxFeePerGas"], tx["maxPriorityFeePerGas"])},
    ),
)
keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


def test_the_published_legacy_transaction() -> None:
    """EIP-155, example."""
    digest = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    raw = (
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0"
        "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b38"
        "00ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    assert UnsignedTransaction.of(EIP155).digest().hex() == digest
    assert sign_transaction(EIP155, KEY).raw.hex() == raw


@given(tx=transactions, key=keys)
def test_eth_account_signs_the_same_bytes(tx: dict[str, Any], key: bytes) -> None:
    expected = Account.sign_transaction(tx, key)
    signed = sign_transaction(tx, key)
    assert signed.raw == bytes(expected.raw_transaction)
    assert signed.hash == bytes(expected.hash)


@given(tx=transactions, key=keys)
def test_signed_bytes_read_back_with_their_signer(tx: dict[str, Any], key: bytes) -> None:
    transaction, public_key = decode_signed(sign_transaction(tx, key).raw)
    assert transaction == UnsignedTransaction.of(tx)
    assert public_key == public_key_of(key)
    assert address_of_public_key(public_key) == Account.recover_transaction(sign_transaction(tx, key).raw)


@given(tx=transactions, place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_changed_bytes_are_refused_or_another_transaction(
    tx: dict[str, Any], place: int, change: int
) -> None:
    raw = bytearray(sign_transaction(tx, KEY).raw)
    raw[place % len(raw)] ^= change
    try:
        transaction, public_key = decode_signed(bytes(raw))
    except InvalidValue:
        return
    assert (transaction, public_key) != (UnsignedTransaction.of(tx), public_key_of(KEY))


@given(raw=st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(raw: bytes) -> None:
    with pytest.raises(InvalidValue):
        decode_signed(raw)


def test_signing_is_deterministic_and_low_s() -> None:
    """RFC 6979 and EIP-2: the same bytes each time, s in the lower half."""
    for nonce in range(64):
        tx = {**DYNAMIC, "nonce": nonce}
        signed = sign_transaction(tx, KEY)
        assert signed == sign_transaction(tx, KEY)
        fields = rlp.decode(signed.raw[1:])
        assert 0 < rlp.to_integer(fields[-1]) <= ORDER // 2


def test_a_malleated_signature_is_refused() -> None:
    fields = list(rlp.decode(sign_transaction(DYNAMIC, KEY).raw[1:]))
    parity, s = rlp.to_integer(fields[-3]), rlp.to_integer(fields[-1])
    fields[-3], fields[-1] = rlp.integer(1 - parity), rlp.integer(ORDER - s)
    with pytest.raises(InvalidValue):
        decode_signed(b"\x02" + rlp.encode(fields))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chainId": None}, "chainId"),
        ({"chainId": 0}, "chainId"),
        ({"chainId": -1}, "chainId"),
        ({"chainId": "1"}, "chainId"),
        ({"chainId": True}, "chainId"),
        ({"nonce": None}, "nonce"),
        ({"nonce": -1}, "nonce"),
        ({"nonce": 2**64 - 1}, "nonce"),
        ({"nonce": 1.0}, "nonce"),
        ({"gas": 2**64}, "gas"),
        ({"value": -1}, "value"),
        ({"value": 2**256}, "value"),
        ({"value": "1"}, "value"),
        ({"value": None}, "value"),
        ({"maxFeePerGas": 10**8}, "maxPriorityFeePerGas"),
        ({"maxFeePerGas": None}, "maxFeePerGas"),
        ({"to": "0x35"}, "to"),
        ({"to": "vitalik.eth"}, "to"),
        ({"to": 5}, "to"),
        ({"data": "0x1"}, "data"),
        ({"data": "12"}, "data"),
        ({"data": None}, "data"),
        ({"type": 3}, "type"),
        ({"type": 4}, "type"),
        ({"type": 0}, "maxFeePerGas"),
        ({"gasPrice": 1}, "gasPrice"),
        ({"input": "0x"}, "input"),
        ({"authorizationList": []}, "authorizationList"),
        ({"accessList": "0x"}, "accessList"),
        ({"accessList": [{"address": "0x35", "storageKeys": []}]}, "accessList"),
        ({"accessList": [{"address": "0x" + "35" * 20, "storageKeys": ["0x1"]}]}, "accessList"),
        ({"accessList": [{"address": "0x" + "35" * 20}]}, "accessList"),
        ({"accessList": ["0x" + "35" * 20]}, "accessList"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        sign_transaction({**DYNAMIC, **change}, KEY)
    assert caught.value.details[0]["field"] == field


def test_another_sender_is_refused() -> None:
    mine = address_of(KEY)
    assert sign_transaction({**DYNAMIC, "from": mine.lower()}, KEY) == sign_transaction(DYNAMIC, KEY)
    assert KeySigner(KEY).address == mine
    for sign in (lambda tx: sign_transaction(tx, KEY), KeySigner(KEY).sign_transaction):
        with pytest.raises(AddressMismatch):
            sign({**DYNAMIC, "from": "0x" + "35" * 20})


@pytest.mark.parametrize(
    "data",
    [
        "81 05",  # a small byte with a prefix
        "b8 01 80",  # a long form for a short string
        "b9 00 38" + "ff" * 56,  # leading zero in a length
        "83 01 02",  # shorter than declared
        "c1",
        "c0 00",  # extra bytes at the end
        "",
        "f9 ff",
        "c5c4c3c2c1c0",  # nested deeper than any transaction
    ],
)
def test_rlp_that_is_not_canonical_is_refused(data: str) -> None:
    with pytest.raises(InvalidValue):
        rlp.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("item", "encoded"),
    [  # ethereum.org, RLP: examples
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        ([], "c0"),
        (b"\x00", "00"),
        (b"\x0f", "0f"),
        (b"\x04\x00", "820400"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (
            b"Lorem ipsum dolor sit amet, consectetur adipisicing elit",
            "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069"
            "736963696e6720656c6974",
        ),
    ],
)
def test_published_rlp_examples(item: rlp.Item, encoded: str) -> None:
    assert rlp.encode(item).hex() == encoded
    assert rlp.decode(bytes.fromhex(encoded)) == item


def test_a_signed_transaction_does_not_show_its_bytes() -> None:
    signed = sign_transaction(DYNAMIC, KEY)
    assert signed.raw.hex() not in repr(signed)
    assert "raw" not in repr(signed)
