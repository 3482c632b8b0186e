"""The possible losses by a call: every known form, nested and mangled; an unknown form is unreadable."""

from __future__ import annotations

import time
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wallets.outflows import permit2, reader, tokens, wrappers
from shared.domain.wallets.outflows.moves import NATIVE, UNLIMITED, ZERO_ADDRESS, Outflow

ME, FRIEND, TOKEN, OTHER, EXECUTOR = ("0x" + digit * 40 for digit in "abcde")
SIG = (27, b"r" * 32, b"s" * 32)
BATCH_OF_BATCHES = bytes.fromhex("01000000000078210002").ljust(32, b"\0")  # a mode of ERC-7821


def call(signature: str, *values: Any) -> bytes:
    kinds = split(signature[signature.index("(") + 1 : -1])
    return keccak(signature.encode())[:4] + encode(kinds, values)


def split(text: str) -> list[str]:
    """The types of a signature at its top level."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append(text[start:at])
            start = at + 1
    return [kind for kind in found if kind]


def read(data: bytes, to: str = TOKEN, value: int = 0) -> Outflow:
    return reader.of_transaction(ME, to, value, data)


def moves(outflow: Outflow) -> list[tuple[str, str, int]]:
    assert outflow.readable
    return [(move.asset, move.recipient, move.amount) for move in outflow.moves]


def test_each_selector_is_the_one_of_its_signature() -> None:
    named = {selector: form.signature for selector, form in tokens.FORMS.items()}
    named |= {selector: name for selector, (name, _) in (permit2.PERMIT2 | wrappers.WRAPPERS).items()}
    named[tokens.BATCH_TRANSFER] = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"
    assert {keccak(name.encode())[:4].hex(): name for name in named.values()} == named
    letters = {"address": "a", "uint256": "u", "bool": "f", "uint8": "8", "bytes32": "b", "bytes": "d"}
    for form in tokens.FORMS.values():
        inside = form.signature[form.signature.index("(") + 1 : -1]
        assert "".join(letters[kind] for kind in inside.split(",")) == form.kinds, form.signature


TRANSFER = "transfer(address,uint256)"
FORMS = [
    (call(TRANSFER, FRIEND, 7), [(TOKEN, FRIEND, 7)]),
    (call(TRANSFER, FRIEND, 0), [(TOKEN, FRIEND, 1)]),  # an NFT's id 0
    (call("transferFrom(address,address,uint256)", ME, FRIEND, 7), [(TOKEN, FRIEND, 7)]),
    (call("transferFrom(address,address,uint256)", OTHER, FRIEND, 7), [(TOKEN, FRIEND, 0)]),
    (call("approve(address,uint256)", FRIEND, 7), [(TOKEN, FRIEND, 7)]),
    (call("increaseAllowance(address,uint256)", FRIEND, 7), [(TOKEN, FRIEND, 7)]),
    (call("increaseApproval(address,uint256)", FRIEND, 7), [(TOKEN, FRIEND, 7)]),
    (call("decreaseAllowance(address,uint256)", FRIEND, 7), []),
    (call("burn(uint256)", 7), [(TOKEN, ZERO_ADDRESS, 7)]),
    (
        call(
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", ME, FRIEND, 7, 1, *SIG
        ),
        [(TOKEN, FRIEND, 7)],
    ),
    (
        call(
            "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)", ME, FRIEND, 0, 1, True, *SIG
        ),
        [(TOKEN, FRIEND, UNLIMITED)],
    ),
    (
        call(
            "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)", ME, FRIEND, 0, 1, False, *SIG
        ),
        [],
    ),
    (
        call(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            ME, FRIEND, 7, 0, 1, b"n" * 32, b"signature",
        ),
        [(TOKEN, FRIEND, 7)],
    ),
    (call("setApprovalForAll(address,bool)", FRIEND, True), [(TOKEN, FRIEND, UNLIMITED)]),
    (call("setApprovalForAll(address,bool)", FRIEND, False), []),
    (call("safeTransferFrom(address,address,uint256)", ME, FRIEND, 999), [(TOKEN, FRIEND, 1)]),
    (
        call("safeTransferFrom(address,address,uint256,uint256,bytes)", ME, FRIEND, 9, 7, b""),
        [(TOKEN, FRIEND, 7)],
    ),
    (
        call("safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)", ME, FRIEND, [1, 2], [3, 4], b""),
        [(TOKEN, FRIEND, 7)],
    ),
    (call("send(address,uint256,bytes)", FRIEND, 7, b"x"), [(TOKEN, FRIEND, 7)]),
    (call("authorizeOperator(address)", FRIEND), [(TOKEN, FRIEND, UNLIMITED)]),
    (call("transferAndCall(address,uint256,bytes)", FRIEND, 7, b"x"), [(TOKEN, FRIEND, 7)]),
    (call("approveAndCall(address,uint256,bytes)", FRIEND, 7, b"x"), [(TOKEN, FRIEND, 7)]),
    (call("approve(address,address,uint160,uint48)", OTHER, FRIEND, 7, 1), [(OTHER, FRIEND, 7)]),
    (
        call(
            "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)",
            ME, ((OTHER, 7, 1, 0), FRIEND, 1), b"s",
        ),
        [(OTHER, FRIEND, 7)],
    ),
    (
        call(
            "permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)",
            ME, ([(OTHER, 7, 1, 0), (TOKEN, 8, 1, 0)], FRIEND, 1), b"s",
        ),
        [(OTHER, FRIEND, 7), (TOKEN, FRIEND, 8)],
    ),
    (call("transferFrom(address,address,uint160,address)", ME, FRIEND, 7, OTHER), [(OTHER, FRIEND, 7)]),
    (
        call("transferFrom((address,address,uint160,address)[])", [(ME, FRIEND, 7, OTHER)]),
        [(OTHER, FRIEND, 7)],
    ),
    (
        call(
            "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)",
            ((OTHER, 9), 0, 1), (FRIEND, 7), ME, b"s",
        ),
        [(OTHER, FRIEND, 7)],
    ),
    (
        call(
            "permitTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes)",
            ([(OTHER, 9), (TOKEN, 9)], 0, 1), [(FRIEND, 7), (FRIEND, 8)], ME, b"s",
        ),
        [(OTHER, FRIEND, 7), (TOKEN, FRIEND, 8)],
    ),
]  # fmt: skip
PAY = call(TRANSFER, FRIEND, 7)
NESTED = [
    call("multicall(bytes[])", [PAY]),
    call("multicall(uint256,bytes[])", 1, [PAY]),
    call("multicall(bytes32,bytes[])", b"h" * 32, [PAY]),
    call("aggregate((address,bytes)[])", [(TOKEN, PAY)]),
    call("tryAggregate(bool,(address,bytes)[])", False, [(TOKEN, PAY)]),
    call("blockAndAggregate((address,bytes)[])", [(TOKEN, PAY)]),
    call("tryBlockAndAggregate(bool,(address,bytes)[])", False, [(TOKEN, PAY)]),
    call("aggregate3((address,bool,bytes)[])", [(TOKEN, True, PAY)]),
    call("aggregate3Value((address,bool,uint256,bytes)[])", [(TOKEN, True, 0, PAY)]),
    call("execute(address,uint256,bytes)", TOKEN, 0, PAY),
    call("execute(address,uint256,bytes,uint8)", TOKEN, 0, PAY, 0),
    call("executeBatch(address[],bytes[])", [TOKEN], [PAY]),
    call("executeBatch(address[],uint256[],bytes[])", [TOKEN], [0], [PAY]),
    call("executeBatch((address,uint256,bytes)[])", [(TOKEN, 0, PAY)]),
    call("execute((address,uint256,bytes)[])", [(TOKEN, 0, PAY)]),
    call("execute(bytes32,bytes)", bytes(32), bytes.fromhex(TOKEN[2:]) + bytes(32) + PAY),
    call(
        "execute(bytes32,bytes)",
        b"\1" + bytes(31),
        encode(["(address,uint256,bytes)[]"], [[(TOKEN, 0, PAY)]]),
    ),
    call("execTransactionFromModule(address,uint256,bytes,uint8)", TOKEN, 0, PAY, 0),
    call("multicall(bytes[])", [call("multicall(bytes[])", [PAY])]),
]
SAFE = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
PACKED = b"\0" + bytes.fromhex(TOKEN[2:]) + bytes(32) + len(PAY).to_bytes(32, "big") + PAY


def safe(to: str, data: bytes, operation: int = 0, gas_price: int = 0) -> bytes:
    return call(SAFE, to, 0, data, operation, 0, 0, gas_price, ZERO_ADDRESS, ZERO_ADDRESS, b"")


LIBRARY = sorted(wrappers.MULTI_SEND)[0]
NESTED += [
    safe(TOKEN, PAY),
    safe(LIBRARY, call("multiSend(bytes)", PACKED), 1),
    call("multiSend(bytes)", PACKED),
]


@pytest.mark.parametrize(("data", "expected"), FORMS)
def test_a_known_form_is_read_whatever_follows_it(data: bytes, expected: list[Any]) -> None:
    for tail in (b"", b"\0", b"\xff", bytes(31), bytes(32), data):
        assert moves(read(data + tail)) == expected


@pytest.mark.parametrize("data", NESTED)
def test_what_a_call_holds_counts(data: bytes) -> None:
    found = moves(read(data))
    assert found == [(TOKEN, FRIEND, 7)]
    assert read(data).calls[-1].selector == "0xa9059cbb"


@pytest.mark.parametrize("data", [data for data, _ in FORMS] + NESTED)
def test_cut_or_dirty_data_is_not_readable_or_means_no_less(data: bytes) -> None:
    whole = read(data).totals()
    for size in range(4, len(data)):
        cut = read(data[:size])
        assert not cut.readable or cut.totals() == whole  # missing padding does not matter
    dirty = bytearray(data)
    dirty[4] = 0xFF
    assert not read(bytes(dirty)).readable or read(bytes(dirty)).totals() != {}


@pytest.mark.parametrize(
    "data",
    [
        b"\xa9", b"\xa9\x05\x9c", bytes.fromhex("12345678"), bytes.fromhex("a9059cbb"),
        call("multicall(bytes[])", [PAY, bytes.fromhex("12345678")]),
        call("aggregate((address,bytes)[])", [(OTHER, bytes.fromhex("12345678"))]),
        safe(OTHER, call("multiSend(bytes)", PACKED), 1),  # not Safe's own library
        safe(LIBRARY, PAY, 1), safe(TOKEN, PAY, 2), safe(TOKEN, PAY, gas_price=1),
        call("multiSend(bytes)", b"\1" + PACKED[1:]), call("multiSend(bytes)", PACKED[:-1]),
        call("execute(bytes32,bytes)", b"\xff" + bytes(31), b""),
        call("execute(bytes32,bytes)", BATCH_OF_BATCHES, encode(["(address,uint256,bytes)[]"], [[(FRIEND, 0, b"")]])),
        call("executeBatch(address[],bytes[])", [TOKEN], []),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_readable(data: bytes) -> None:
    assert not read(data).readable
    assert not reader.of_transaction(ME, None, 0, data).readable


def test_value_counts_once_and_each_who_gets_it() -> None:
    batch = call(
        "aggregate3Value((address,bool,uint256,bytes)[])", [(FRIEND, True, 3, b""), (OTHER, True, 4, b"")]
    )
    assert moves(read(batch, EXECUTOR, 7)) == [(NATIVE, EXECUTOR, 7), (NATIVE, FRIEND, 0), (NATIVE, OTHER, 0)]
    assert moves(read(batch, EXECUTOR, 5)) == [(NATIVE, EXECUTOR, 5), (NATIVE, FRIEND, 0), (NATIVE, OTHER, 2)]
    assert moves(read(call("execute(address,uint256,bytes)", FRIEND, 9, b""), ME)) == [(NATIVE, FRIEND, 9)]
    assert moves(read(b"", FRIEND)) == [(NATIVE, FRIEND, 0)] and moves(read(b"", ME)) == []
    fee = reader.of_transaction(ME, FRIEND, 5, b"", fee=3).totals()
    assert fee == {NATIVE: 8, "fees": 3}


def test_what_one_wrapper_keeps_does_not_pay_the_calls_beside_it() -> None:
    """An account executes a batch: it pays 5 to a contract, which keeps it, and 5 to somebody. In total 10 leave."""
    kept = call("aggregate((address,bytes)[])", [])
    batch = call("execute((address,uint256,bytes)[])", [(EXECUTOR, 5, kept), (FRIEND, 5, b"")])
    assert read(batch, ME).totals() == {NATIVE: 10}
    again = call("execute((address,uint256,bytes)[])", [(EXECUTOR, 5, kept)] * 20)
    assert read(again, ME).totals() == {NATIVE: 100}
    passed = call("execute(address,uint256,bytes)", FRIEND, 5, b"")
    assert read(call("execute(address,uint256,bytes)", EXECUTOR, 5, passed), ME).totals() == {NATIVE: 5}


def test_somebody_who_calls_for_the_wallet_may_give_what_is_its() -> None:
    taken = call("transferFrom(address,address,uint256)", OTHER, FRIEND, 7)
    assert moves(read(call("aggregate((address,bytes)[])", [(TOKEN, taken)]))) == [(TOKEN, FRIEND, 7)]
    assert moves(read(call("multicall(bytes[])", [taken]))) == [(TOKEN, FRIEND, 0)]


def test_depth_and_size_are_bounded_also_where_parts_overlap() -> None:
    deep = PAY
    for _ in range(reader.MAX_DEPTH + 1):
        deep = call("multicall(bytes[])", [deep])
    assert not read(deep).readable
    assert not read(call("multicall(bytes[])", [PAY] * (reader.MAX_CALLS + 1))).readable
    count = 4000  # each offset points to the same call, which contains all of them again
    words = [32, count, *[count * 32] * count, 68]
    loop = keccak(b"multicall(bytes[])")[:4] + b"".join(one.to_bytes(32, "big") for one in words) + PAY
    start = time.thread_time()  # on a busy machine others run meanwhile
    assert not read(loop).readable
    assert time.thread_time() - start < 1


@given(st.binary(max_size=300), st.sampled_from(sorted(tokens.FORMS | permit2.PERMIT2 | wrappers.WRAPPERS)))
def test_reading_never_raises_whatever_the_bytes(data: bytes, selector: str) -> None:
    read(bytes.fromhex(selector) + data)
    read(data)
