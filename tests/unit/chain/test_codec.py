"""Reverts, token calls, fee snapshots and unreadable answers."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from shared.chain import fees, tokens, types
from shared.chain.errors import Unreachable
from shared.chain.registry import GWEI, Registry
from shared.chain.reverts import PANIC, decode_revert
from shared.domain.transactions.evidence import TRANSFER_TOPIC

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LOCAL, BSC = Registry.DEFAULT.chain("local"), Registry.DEFAULT.chain("bsc")
ABI = [
    {"type": "function", "name": "f", "inputs": []},
    {"type": "error", "name": "NotEnough", "inputs": [{"type": "address"}, {"type": "uint256"}]},
    {
        "type": "error",
        "name": "Bad",
        "inputs": [{"type": "tuple[]", "components": [{"type": "uint8"}, {"type": "bytes"}]}],
    },
]


def test_selectors_and_topic_are_the_hashes_they_stand_for() -> None:
    signatures = {
        tokens.TRANSFER: "transfer(address,uint256)",
        tokens.BALANCE_OF: "balanceOf(address)",
        tokens.DECIMALS: "decimals()",
        tokens.SYMBOL: "symbol()",
        PANIC: "Panic(uint256)",
    }
    for selector, text in signatures.items():
        assert keccak(text=text)[:4] == selector
    assert "0x" + keccak(text="Transfer(address,address,uint256)").hex() == TRANSFER_TOPIC


def test_revert_data_is_decoded() -> None:
    error = bytes.fromhex("08c379a0") + encode(["string"], ["no entry"])
    assert decode_revert(error).reason == "no entry"
    panic = bytes.fromhex("4e487b71") + encode(["uint256"], [0x11])
    assert (decode_revert(panic).kind, decode_revert(panic).reason) == (
        "panic",
        "arithmetic overflow or underflow",
    )
    custom = keccak(text="NotEnough(address,uint256)")[:4] + encode(["address", "uint256"], [ADDRESS, 2**200])
    found = decode_revert(custom, ABI)
    assert (found.name, found.arguments) == ("NotEnough", (ADDRESS.lower(), str(2**200)))
    nested = keccak(text="Bad((uint8,bytes)[])")[:4] + encode(["(uint8,bytes)[]"], [[(1, b"\2")]])
    assert decode_revert(nested, ABI).arguments == ([["1", "0x02"]],)
    assert decode_revert(custom).kind == "unknown"
    standard = keccak(text="ERC20InsufficientBalance(address,uint256,uint256)")[:4]
    found = decode_revert(standard + encode(["address", "uint256", "uint256"], [ADDRESS, 5, 7]))
    assert (found.kind, found.name, found.arguments[1:]) == ("custom", "ERC20InsufficientBalance", ("5", "7"))
    assert decode_revert(b"", text="out of gas").reason == "out of gas"


@given(st.binary(max_size=200), st.text(max_size=20))
def test_no_revert_data_is_too_strange(data: bytes, text: str) -> None:
    for prefix in (b"", bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")):
        assert len(decode_revert(prefix + data, ABI, text).reason) <= 1_000


def test_long_revert_data_is_told_in_part() -> None:
    assert decode_revert(b"\x01" * 4_096).data == "0x" + "01" * 4_096
    assert decode_revert(b"\x01" * 1_000_000).data == "0x" + "01" * 4_096


def test_reverts_that_fold_much_into_little_are_not_unfolded() -> None:
    """Ten kilobytes would expand to a hundred times a hundred times a hundred numbers."""
    count, kind = 100, "uint256[][][]"
    words = [0x20, count, *[count * 32] * count, count, *[count * 32] * count, count, *[1] * count]
    folded = b"".join(word.to_bytes(32, "big") for word in words)
    abi = [{"type": "error", "name": "F", "inputs": [{"name": "", "type": kind}]}]
    selector = keccak(text=f"F({kind})")[:4]
    assert decode_revert(selector + encode([kind], [[[[1, 2]]]]), abi).arguments == ([[["1", "2"]]],)
    found = decode_revert(selector + folded, abi)
    assert (found.kind, found.arguments) == ("unknown", ())
    text = bytes.fromhex("08c379a0") + encode(["string"], ["x" * 50_000])
    assert decode_revert(text, text="said").reason == "said"


@given(st.integers(0, 2**256 - 1))
def test_a_transfer_is_read_back(amount: int) -> None:
    assert tokens.decoded_transfer(tokens.transfer(ADDRESS, amount)) == (ADDRESS, amount)


def test_other_calls_are_no_transfers() -> None:
    good = tokens.transfer(ADDRESS, 1)
    other = bytes.fromhex("095ea7b3") + good[4:]  # approve(address,uint256)
    dirty = good[:4] + b"\1" + good[5:]
    for data in (b"", good[:-1], good + b"\0", other, dirty):
        assert tokens.decoded_transfer(data) is None


def test_answers_of_tokens_are_decoded() -> None:
    assert tokens.uint(b"") is None
    assert tokens.uint((7).to_bytes(32, "big")) == 7
    assert tokens.text(encode(["string"], ["USDC"])) == "USDC"
    assert tokens.text(b"MKR".ljust(32, b"\0")) == "MKR"
    assert tokens.text(b"\1" * 40) is None
    hostile = (
        "<script>",
        "A\r\nSet-Cookie: x",
        "\u202eCDSU",
        "US\u200bDC",
        "a" * 33,
        "",
        " ",
        "\u0405ETH",
        "\0A",
    )
    assert [tokens.text(encode(["string"], [one])) for one in hostile] == [None] * len(hostile)
    assert (
        tokens.text(b"<b>".ljust(32, b"\0")) is None and tokens.text(encode(["string"], ["A" * 5000])) is None
    )
    assert tokens.text(encode(["string"], ["Curve.fi USD-1"])) == "Curve.fi USD-1"
    assert tokens.transfer_accepted(b"")
    assert tokens.transfer_accepted((1).to_bytes(32, "big"))
    assert not tokens.transfer_accepted(bytes(32))


def history(base: int, tips: list[list[int]], ratios: list[float]) -> dict[str, object]:
    return {
        "oldestBlock": "0x10",
        "baseFeePerGas": [hex(base)] * (len(ratios) + 1),
        "gasUsedRatio": ratios,
        "reward": [[hex(tip) for tip in row] for row in tips],
    }


def test_fees_from_history_leave_out_empty_blocks() -> None:
    tips = [[0, 0, 0], [2 * GWEI, 3 * GWEI, 9 * GWEI], [4 * GWEI, 5 * GWEI, 6 * GWEI]]
    found = fees.from_history(LOCAL, history(7 * GWEI, tips, [0.0, 0.5, 0.5]))
    assert (found.block_number, found.base_fee) == (0x12, 7 * GWEI)
    assert found.average.max_priority_fee_per_gas == 5 * GWEI
    assert found.average.max_fee_per_gas == 19 * GWEI
    assert found.at(None) == found.average


@given(
    st.integers(0, 10**14),
    st.lists(st.tuples(*[st.integers(0, 10**13)] * 3), min_size=1, max_size=20),
)
def test_fees_are_within_caps_and_ordered(base: int, rows: list[tuple[int, int, int]]) -> None:
    found = fees.from_history(LOCAL, history(base, [list(row) for row in rows], [0.5] * len(rows)))
    for speed in ("slow", "average", "fast"):
        assert LOCAL.caps.allow(found.at(speed))
    tips = [found.at(speed).max_priority_fee_per_gas for speed in ("slow", "average", "fast")]
    assert tips == sorted(tips)
    assert found.slow.per_gas <= found.average.per_gas <= found.fast.per_gas


def test_legacy_gas_prices_follow_the_nodes_suggestion() -> None:
    found = fees.from_gas_price(BSC, 9, GWEI)
    assert [found.at(speed).gas_price for speed in ("slow", "average", "fast")] == [
        10**9,
        11 * 10**8,
        125 * 10**7,
    ]
    assert fees.from_gas_price(BSC, 9, 0).slow.gas_price == BSC.least_priority_fee


@pytest.mark.parametrize("answer", [{}, {"number": "x"}, [], "0x1", 3])
def test_answers_that_cannot_be_read(answer) -> None:
    for parse in (types.block, types.receipt, types.transaction):
        with pytest.raises(Unreachable):
            parse(answer)
        assert parse(None) is None
    with pytest.raises(Unreachable):
        types.quantity(None)
    with pytest.raises(Unreachable):
        fees.from_history(LOCAL, answer)


@pytest.mark.parametrize("change", [{"baseFeePerGas": []}, {"reward": [["0x1"]], "gasUsedRatio": [0.5]}])
def test_a_fee_history_with_holes_is_garbage(change: dict[str, object]) -> None:
    with pytest.raises(Unreachable):
        fees.from_history(LOCAL, history(7 * GWEI, [[1, 2, 3]], [0.5]) | change)


def test_a_simulation_without_calls_is_garbage() -> None:
    with pytest.raises(Unreachable):
        types.parsed(lambda blocks: types.simulation(blocks[0]["calls"][0]), [])


@given(st.integers(0, 2**256 - 1), st.one_of(st.none(), st.integers(0, 2**256 - 1)))
def test_a_single_tokens_transfer_is_read_back(token_id: int, amount: int | None) -> None:
    owner, friend = "0x" + "aa" * 20, ADDRESS
    data = tokens.safe_transfer(owner, friend, token_id, amount)
    found = tokens.decoded_safe_transfer(owner, data)
    kind = "erc721" if amount is None else "erc1155"
    assert found == tokens.SingleToken(kind, friend, token_id, 1 if amount is None else amount)  # type: ignore[arg-type]
    for other in (data + b"\0", data[:-1], data[:4], b"", data[:-1] + b"\1\0", bytes(4) + data[4:]):
        assert tokens.decoded_safe_transfer(owner, other) is None
    assert tokens.decoded_safe_transfer(friend, data) is None
    assert tokens.decoded_safe_transfer(owner, data[:4] + b"\1" + data[5:]) is None
