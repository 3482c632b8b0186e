"""Private keys and addresses: ranges, EIP-55, agreement with eth-account."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.keys import accounts
from shared.keys.addresses import parse_address
from shared.keys.curve import ORDER

keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


@given(key=keys)
def test_addresses_are_those_of_eth_account(key: bytes) -> None:
    pair = accounts.key_pair(key)
    assert pair.address == Account.from_key(key).address
    assert pair.address == accounts.address_of_public_key(pair.public_key)


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_keys_outside_of_the_group_are_refused(number: int) -> None:
    key = number.to_bytes(32, "big")
    for refuse in (
        lambda: accounts.parse_private_key(key.hex()),
        lambda: accounts.address_of(key),
        lambda: accounts.sign_transaction(
            {"chainId": 1, "nonce": 0, "gas": 21000, "gasPrice": 1, "to": "0x" + "11" * 20}, key
        ),
    ):
        with pytest.raises(InvalidValue) as caught:
            refuse()
        assert caught.value.details[0]["field"] == "private_key"
        assert key.hex() not in str(caught.value.details)


@pytest.mark.parametrize("number", [1, 2, ORDER - 1])
def test_the_ends_of_the_range_are_keys(number: int) -> None:
    key = number.to_bytes(32, "big")
    assert accounts.parse_private_key(key.hex()) == key


@pytest.mark.parametrize("text", ["", "0x", "ab" * 31, "ab" * 33, "xy" * 32, "0x0x" + "ab" * 31, "٣" * 64])
def test_malformed_private_keys_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        accounts.parse_private_key(text, "key")
    assert caught.value.details == [{"field": "key", "message": "must be 64 hexadecimal digits"}]


def test_a_private_key_may_have_a_prefix_and_outer_spaces() -> None:
    expected = bytes.fromhex("ab" * 32)
    for text in ("ab" * 32, "0x" + "ab" * 32, "0X" + "AB" * 32, f" {'ab' * 32}\n"):
        assert accounts.parse_private_key(text) == expected


def test_new_keys_are_valid_and_differ() -> None:
    first, second = accounts.generate_key(), accounts.generate_key()
    assert first != second
    assert accounts.checked_key(first) == first


@pytest.mark.parametrize(
    "address",
    [  # EIP-55, test cases
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_published_checksums(address: str) -> None:
    assert accounts.checksummed(bytes.fromhex(address[2:])) == address
    for typed in (address, address.lower(), "0x" + address[2:].upper()):
        assert parse_address(typed) == address


@pytest.mark.parametrize(
    "text",
    [
        "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",  # one wrong capital
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd",
        "0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        "0xzzAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "vitalik.eth",
        "",
    ],
)
def test_malformed_addresses_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_address(text)


def test_nothing_secret_shows_in_a_repr() -> None:
    key = accounts.generate_key()
    shown = repr(accounts.key_pair(key)) + repr(accounts.KeySigner(key))
    assert key.hex() not in shown
    assert repr(key)[2:-1] not in shown
