"""EIP-191 and EIP-712: published signatures, agreement with a second implementation, and texts that are never
signed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.keys import messages
from shared.keys.accounts import address_of
from shared.keys.curve import ORDER, Signature, keccak, opened, sign_digest
from shared.keys.errors import ChainMismatch
from tests.support import typed_data

COW = keccak(b"cow")
MAIL: dict[str, Any] = {  # EIP-712, Example.js
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}
DOMAIN = {**MAIL["domain"], "chainId": 7, "salt": "0x" + "5a" * 32}

keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


def typed_data_digest(document: dict[str, Any], chain_id: int) -> bytes:
    return keccak(b"\x19" + b"".join(messages.signable_typed_data(document, chain_id)))


def _changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(MAIL), **parts}


def test_the_published_personal_signature() -> None:
    """web3.js documentation of eth.accounts.sign."""
    key = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    assert messages.message_digest("Some data").hex() == (
        "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"
    )
    assert messages.sign_message("Some data", key) == (
        "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
    )


@given(message=st.one_of(st.binary(max_size=200), st.text(st.characters(codec="utf-8"))), key=keys)
def test_personal_messages_are_eip_191_under_the_signature_of_the_send_path(
    message: str | bytes, key: bytes
) -> None:
    body = message.encode() if isinstance(message, str) else message
    digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(body) + body)
    assert messages.message_digest(message) == digest
    signature = messages.sign_message(message, key)
    assert signature == "0x" + sign_digest(opened(key), digest).to_bytes().hex()
    assert messages.recover_message(message, bytes.fromhex(signature[2:])) == address_of(key)


@given(key=keys, change=st.integers(1, 255), place=st.integers(0, 64))
def test_a_changed_signature_is_never_by_the_same_account(key: bytes, change: int, place: int) -> None:
    raw = bytearray.fromhex(messages.sign_message("text", key)[2:])
    raw[place] ^= change
    try:
        signer = messages.recover_message("text", bytes(raw))
    except InvalidValue:
        return
    equivalent = place == 64 and {raw[64], raw[64] ^ change} in ({0, 27}, {1, 28})
    assert (signer == address_of(key)) == equivalent


@pytest.mark.parametrize("size", [0, 1, 64, 66, 130])
def test_a_signature_has_65_bytes(size: int) -> None:
    with pytest.raises(InvalidValue):
        messages.recover_message("text", bytes(size))


def test_signatures_with_the_larger_s_are_refused() -> None:
    signature = Signature.from_bytes(bytes.fromhex(messages.sign_message("text", COW)[2:]))
    twin = signature.r.to_bytes(32, "big") + (ORDER - signature.s).to_bytes(32, "big")
    with pytest.raises(InvalidValue):
        messages.recover_message("text", twin + bytes([28 - signature.y_parity]))


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidValue):
        messages.sign_message("\ud800", COW)


def test_the_published_typed_data() -> None:
    """EIP-712, Example.js."""
    assert typed_data_digest(MAIL, 1).hex() == (
        "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    )
    assert messages.sign_typed_data(MAIL, COW, 1) == (
        "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
        "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c"
    )


@pytest.mark.parametrize("chain", ["1", "0x1", "0x01"])
def test_a_chain_id_may_be_text(chain: str) -> None:
    data = _changed(domain={**MAIL["domain"], "chainId": chain})
    assert typed_data_digest(data, 1) == typed_data_digest(MAIL, 1)


@pytest.mark.parametrize("chain", [2, 0, -1, "2", "0x2", True, None, 1.0, [1], "one", "", "1 ", "0x"])
def test_a_domain_of_another_chain_is_refused(chain: object) -> None:
    with pytest.raises(ChainMismatch):
        messages.sign_typed_data(_changed(domain={**MAIL["domain"], "chainId": chain}), COW, 1)


def test_a_domain_without_a_chain_is_refused() -> None:
    data = _changed()
    del data["domain"]["chainId"], data["types"]["EIP712Domain"][2]
    with pytest.raises(ChainMismatch) as caught:
        messages.sign_typed_data(data, COW, 1)
    assert caught.value.data == {"expected": 1, "found": None}


def test_the_chain_in_the_domain_cannot_be_left_out_of_what_is_signed() -> None:
    """A domain type without chainId would be a valid signature elsewhere, whatever the domain says."""
    data = _changed()
    del data["types"]["EIP712Domain"][2]
    with pytest.raises(InvalidValue):
        messages.sign_typed_data(data, COW, 1)
    without = _changed()
    del without["types"]["EIP712Domain"]
    assert typed_data_digest(without, 1) == typed_data_digest(MAIL, 1)


def test_types_that_nothing_uses_change_nothing() -> None:
    data = _changed(types={**MAIL["types"], "Unused": [{"name": "a", "type": "Other"}], "Other": []})
    assert typed_data_digest(data, 1) == typed_data_digest(MAIL, 1)


def _of(kind: str, value: object) -> dict[str, Any]:
    """A document whose message has one field."""
    return {"types": {"Mail": [{"name": "a", "type": kind}]}, "message": {"a": value}}


def _hex(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(lambda raw: "0x" + raw.hex())


def _values(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("[]"):
        return st.lists(_values(kind[:-2]), max_size=3)
    if kind.endswith("[2]"):
        return st.lists(_values(kind[:-3]), min_size=2, max_size=2)
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1).flatmap(lambda n: st.sampled_from([n, str(n), hex(n)]))
    if kind.startswith("int"):
        bits = int(kind[3:])
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if kind in STRUCTS:
        return st.fixed_dictionaries({field["name"]: _values(field["type"]) for field in STRUCTS[kind]})
    sized = {f"bytes{size}": _hex(size) for size in (1, 4, 31, 32)}
    return {
        **sized,
        "bool": st.booleans(),
        "string": st.text(st.characters(codec="utf-8"), max_size=20),
        "address": _hex(20).map(to_checksum_address),
        "bytes": st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    }[kind]


STRUCTS = {
    "Person": MAIL["types"]["Person"],
    "Asset": [{"name": "owners", "type": "Person[]"}, {"name": "amount", "type": "uint256"}],
}
ATOMS = ["bool", "string", "address", "bytes", "bytes1", "bytes4", "bytes31", "bytes32"]
INTEGERS = ["uint8", "uint48", "uint256", "int8", "int128", "int256"]
KINDS = st.builds(
    str.__add__,
    st.sampled_from([*ATOMS, *INTEGERS, "Person", "Asset"]),
    st.sampled_from(["", "[]", "[2]", "[][]", "[2][]"]),
)


@given(
    kinds=st.lists(KINDS, min_size=1, max_size=5),
    data=st.data(),
    domain=st.sets(st.sampled_from(sorted(DOMAIN))),
)
def test_a_second_implementation_makes_the_same_digest(
    kinds: list[str], data: st.DataObject, domain: set[str]
) -> None:
    names = {kind.partition("[")[0] for kind in kinds}
    used = {name for name in STRUCTS if name in names or (name == "Person" and "Asset" in names)}
    document = {
        "types": {
            "Top": [{"name": f"f{place}", "type": kind} for place, kind in enumerate(kinds)],
            **{name: STRUCTS[name] for name in used},
        },
        "primaryType": "Top",
        "domain": {name: value for name, value in DOMAIN.items() if name in domain or name == "chainId"},
        "message": {f"f{place}": data.draw(_values(kind)) for place, kind in enumerate(kinds)},
    }
    assert typed_data_digest(document, 7) == typed_data.digest(document)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] | None = None
    for _ in range(depth):
        value = {"next": value}
    return value or {}


LINKED = {"Mail": [{"name": "next", "type": "Mail"}]}


def test_a_recursive_type_ends_with_null() -> None:
    data = _changed(types=LINKED, message=_nested(30))
    assert typed_data_digest(data, 1) == typed_data.digest(data)


def test_a_point_that_is_on_no_curve_signed_nothing() -> None:
    raw = (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b"
    with pytest.raises(InvalidValue, match="not valid"):
        messages.recover_message("text", raw)


def test_two_types_that_refer_to_each_other_are_hashed_below_the_primary_type() -> None:
    pair = {
        "Left": [{"name": "right", "type": "Right[]"}],
        "Right": [{"name": "left", "type": "Left"}, {"name": "n", "type": "uint8[][2]"}],
    }
    message = {"left": {"right": [{"left": None, "n": [[1, 2], []]}]}}
    data = _changed(types={"Mail": [{"name": "left", "type": "Left"}], **pair}, message=message)
    assert typed_data_digest(data, 1) == typed_data.digest(data)


@pytest.mark.parametrize(
    "parts",
    [
        {"types": []},
        {"types": {"Mail": "string"}},
        {"types": {"Mail": [{"name": "a"}]}},
        {"types": {"Mail": ["a"]}},
        _of("string)evil(string", "x"),
        {"types": {"Mail": [{"name": "a", "type": 7}]}},
        {"types": {"Mail": [{"name": "a b", "type": "string"}]}, "message": {"a b": "x"}},
        {"types": {"Mail": [{"name": "a", "type": "bool"}] * 2}, "message": {"a": True}},
        {"types": {**MAIL["types"], "uint8": [{"name": "a", "type": "bool"}]}},
        {"types": {**MAIL["types"], "uint": [{"name": "a", "type": "bool"}]}},
        {
            "types": {
                "Mail": [{"name": "a", "type": "Person"}],
                "Person": [{"name": "last", "type": "Mail"}],
            },
            "message": {"a": None},
        },
        _of("Missing", {}),
        _of("uint7", 1),
        _of("uint264", 1),
        _of("uint", 1),
        _of("uint08", 1),
        _of("bytes33", "0x" + "00" * 33),
        _of("uint8", 256),
        _of("uint8", -1),
        _of("int8", 128),
        _of("int8", -129),
        _of("uint256", "x"),
        _of("uint256", 1.0),
        _of("uint256", True),
        _of("uint256", None),
        _of("uint256", ""),
        _of("bool", 1),
        _of("bool", "true"),
        _of("string", 5),
        _of("string", None),
        _of("string", "\ud800"),
        _of("address", "0x12"),
        _of("address", 5),
        _of("address", "0xcD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"),  # one wrong capital
        _of("bytes4", "0x00"),
        _of("bytes4", "0x0000000000"),
        _of("bytes4", "abcd"),
        _of("bytes", "text"),
        _of("uint8[]", 5),
        _of("uint8[2]", [1]),
        _of("uint8[2]", [1, 2, 3]),
        _of("uint8[][]", [1]),
        _of("bool[]", [True] * 5000),
        {"types": {f"T{n}": [] for n in range(33)} | {"Mail": []}, "message": {}},
        {"types": {"Mail": [{"name": f"a{n}", "type": "bool"} for n in range(257)]}},
        {"types": LINKED, "message": _nested(33)},
        {"types": LINKED, "message": _nested(500)},
        {"primaryType": "Nobody"},
        {"primaryType": "EIP712Domain"},
        {"primaryType": []},
        {"domain": "Ether Mail"},
        {"domain": {**MAIL["domain"], "extra": 1}},
        {"message": []},
        {"message": None},
        {"message": {}},
        {"message": {**MAIL["message"], "not signed": 1}},
        {"message": {**MAIL["message"], "from": {"name": "Cow"}}},
        {"more": 1},
    ],
)
def test_typed_data_that_does_not_fit_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as caught:
        messages.sign_typed_data({**MAIL, **parts}, COW, 1)
    assert caught.value.details[0]["field"] == "typed_data"


def test_many_values_of_wide_types_are_refused_before_they_are_hashed() -> None:
    wide = [{"name": f"a_long_name_{n}", "type": "bool"} for n in range(200)] + [
        {"name": "next", "type": "Top"}
    ]
    types = {
        "Mail": [{"name": "tops", "type": "Top[]"}],
        "Top": [{"name": "wide", "type": "Wide"}],
        "Wide": wide,
    }
    data = _changed(types=types, message={"tops": [{"wide": None}] * 2000})
    with pytest.raises(InvalidValue, match="not valid"):
        messages.sign_typed_data(data, COW, 1)
    assert messages.sign_typed_data(_changed(types=types, message={"tops": [{"wide": None}] * 100}), COW, 1)


def test_a_missing_part_is_refused() -> None:
    for part in MAIL:
        data = _changed()
        del data[part]
        with pytest.raises(InvalidValue):
            messages.sign_typed_data(data, COW, 1)
