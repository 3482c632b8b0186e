"""Error texts as nodes really send them, mapped to the exception tree regardless of the code."""

from __future__ import annotations

import pytest

from shared.chain import errors
from shared.chain.broadcast import outcome_of

TEXTS = [
    # geth
    ("already known", -32000, errors.AlreadyKnown, "known"),
    ("nonce too low: next nonce 5, tx nonce 4", -32000, errors.NonceTooLow, "nonce_too_low"),
    ("nonce too high", -32000, errors.NonceTooHigh, "nonce_too_high"),
    ("replacement transaction underpriced", -32000, errors.ReplacementUnderpriced, "replacement_underpriced"),
    ("transaction underpriced: gas tip cap 1, minimum needed 1000000", -32000, errors.Underpriced, "underpriced"),
    ("max fee per gas less than block base fee: address 0x1", -32000, errors.Underpriced, "underpriced"),
    ("insufficient funds for gas * price + value", -32000, errors.InsufficientFunds, "insufficient_funds"),
    ("intrinsic gas too low: gas 20000, minimum needed 21000", -32000, errors.IntrinsicGas, "unsendable"),
    ("insufficient gas for floor data gas cost: have 1, want 2", -32000, errors.IntrinsicGas, "unsendable"),
    ("exceeds block gas limit", -32000, errors.GasLimit, "unsendable"),
    ("oversized data: transaction size 131100, limit 131072", -32000, errors.Oversized, "unsendable"),
    ("max initcode size exceeded: code size 50000, limit 49152", -32000, errors.Oversized, "unsendable"),
    ("transaction type not supported", -32000, errors.InvalidType, "unsendable"),
    ("invalid sender", -32000, errors.InvalidType, "unsendable"),
    ("tx fee (2.10 ether) exceeds the configured cap (1.00 ether)", -32000, errors.InvalidType, "unsendable"),
    ("future transaction tries to replace pending", -32000, errors.Ambiguous, "ambiguous"),
    ("txpool is full", -32000, errors.Ambiguous, "ambiguous"),
    ("gapped-nonce tx from delegated accounts", -32000, errors.NonceTooHigh, "nonce_too_high"),
    ("in-flight transaction limit reached for delegated accounts", -32000, errors.NonceTooHigh, "nonce_too_high"),
    ("header not found", -32000, errors.Lagging, "ambiguous"),
    ("missing trie node 0123 (path ) state 0x0 is not available", -32000, errors.Lagging, "ambiguous"),
    # reth
    ("insufficient gas price to replace existing", -32000, errors.ReplacementUnderpriced, "replacement_underpriced"),
    ("transaction nonce is too low: next nonce 5, tx nonce 4", -32000, errors.NonceTooLow, "nonce_too_low"),
    ("transaction fee cap 1 below chain minimum 7", -32003, errors.Underpriced, "underpriced"),
    # erigon
    ("INTERNAL_ERROR: existing tx with same hash", -32000, errors.AlreadyKnown, "known"),
    ("INTERNAL_ERROR: could not replace existing tx", -32000, errors.ReplacementUnderpriced, "replacement_underpriced"),
    ("fee too low", -32000, errors.Underpriced, "underpriced"),
    ("rlp: too many elements", -32000, errors.InvalidType, "unsendable"),
    # nethermind
    ("AlreadyKnown", -32010, errors.AlreadyKnown, "known"),
    ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", -32010, errors.NonceTooLow, "nonce_too_low"),
    ("NonceGap, Future nonce. Expected nonce: 4", -32010, errors.NonceTooHigh, "nonce_too_high"),
    ("InsufficientFunds, Balance is 0", -32010, errors.InsufficientFunds, "insufficient_funds"),
    ("FeeTooLowToCompete", -32010, errors.Underpriced, "underpriced"),
    ("ReplacementNotAllowed", -32010, errors.ReplacementUnderpriced, "replacement_underpriced"),
    ("GasLimitExceeded, Gas limit: 1", -32010, errors.GasLimit, "unsendable"),
    ("FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 100", -32010, errors.Underpriced, "underpriced"),
    ("FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30", -32010, errors.Underpriced, "underpriced"),
    # besu
    ("Known transaction", -32000, errors.AlreadyKnown, "known"),
    ("Upfront cost exceeds account balance", -32004, errors.InsufficientFunds, "insufficient_funds"),
    ("Transaction gas limit exceeds block gas limit", -32005, errors.GasLimit, "unsendable"),
    # anvil
    ("transaction already imported", -32003, errors.AlreadyKnown, "known"),
    ("Insufficient funds for gas * price + value", -32003, errors.InsufficientFunds, "insufficient_funds"),
    # providers
    ("Your app has exceeded its compute units per second capacity", 429, errors.RateLimited, "ambiguous"),
    ("daily request count exceeded, request rate limited", -32005, errors.RateLimited, "ambiguous"),
    ("limit exceeded", -32005, errors.RateLimited, "ambiguous"),
    ("the method eth_simulateV1 does not exist/is not available", -32601, errors.MethodMissing, "ambiguous"),
    ("Internal error", -32603, errors.Ambiguous, "ambiguous"),
    ("EVM error StackUnderflow", -32000, errors.ExecutionReverted, "ambiguous"),
    ("invalid opcode: opcode 0xfe not defined", -32000, errors.ExecutionReverted, "ambiguous"),
    ("stack underflow (0 <=> 2)", -32000, errors.ExecutionReverted, "ambiguous"),
    ("invalid jump destination", -32000, errors.ExecutionReverted, "ambiguous"),
    ("max code size exceeded", -32000, errors.ExecutionReverted, "ambiguous"),
    ("unknown transaction type 9", -32000, errors.InvalidType, "unsendable"),
    ("", None, errors.Ambiguous, "ambiguous"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "kind", "outcome"), TEXTS, ids=[text[0][:40] for text in TEXTS])
def test_node_error_texts_are_classified(text, code, kind, outcome) -> None:
    for spelled in (text, text.upper(), f"err: {text}"):
        found = errors.classify(spelled, code)
        assert type(found) is kind
        assert outcome_of(found) == outcome


@pytest.mark.parametrize(
    "reason",
    [
        "Address: insufficient balance",
        "rate limit exceeded",
        "quota reached",
        "header not found",
        "nonce too low",
    ],
)
def test_what_a_contract_says_is_not_taken_for_the_node(reason: str) -> None:
    found = errors.classify(f"execution reverted: {reason}", 3, "0x08c379a0")
    assert type(found) is errors.ExecutionReverted
    assert reason in found.text


@pytest.mark.parametrize("text", ["boom {}", "nonce too low {}", "429 too many requests {}"])
@pytest.mark.parametrize(
    "secret",
    ["https://node.example/v2/s3cret", "wss://node.example/s3cret", "0x02f8" + "ab" * 110, "F86B" * 40],
)
def test_a_node_that_repeats_our_secrets_is_not_quoted(text: str, secret: str) -> None:
    assert secret not in str(errors.classify(text.format(secret)))
    assert "0x" + "ab" * 32 in str(errors.classify("known transaction: 0x" + "ab" * 32))


@pytest.mark.parametrize("code", [-32000, -32003, -32010, 3, None, 0])
def test_the_code_does_not_matter_where_the_text_is_clear(code) -> None:
    assert isinstance(errors.classify("nonce too low", code), errors.NonceTooLow)


@pytest.mark.parametrize(
    "data",
    [
        "0x08c379a0ff",
        "Reverted 0x08c379a0ff",
        {"data": "0x08c379a0ff"},
        {"originalError": {"data": "0x08c379a0ff"}},
    ],
)
def test_revert_data_wherever_it_is(data) -> None:
    found = errors.classify("VM Exception while processing", 3, data)
    assert isinstance(found, errors.ExecutionReverted)
    assert found.data == bytes.fromhex("08c379a0ff")


@pytest.mark.parametrize("data", [None, 7, "text", "0xzz", {}, {"data": None}])
def test_garbage_is_no_revert_data(data) -> None:
    assert errors.revert_data(data) == b""


def test_what_is_nested_for_ever_is_no_revert_data() -> None:
    data: object = "0x08c379a0ff"
    for _ in range(5_000):
        data = {"data": data}
    assert errors.revert_data(data) == b""
