"""The size limit of a transaction's bytes compared with their encoding, and the chains that need it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.chain import op_stack_fees, tokens
from shared.chain.errors import Unreachable, classify
from shared.chain.registry import Registry, checksum
from shared.domain.transactions.acceptance import MAX_DATA_BYTES, MAX_INITCODE_BYTES, MAX_TRANSACTION_GAS
from shared.keys.curve import ORDER, Signature
from shared.keys.raw_transactions import UnsignedTransaction

ORACLE = "0x420000000000000000000000000000000000000F"
SIGNATURE_BYTES = 68  # added by the oracle itself
TO = "0x" + "ff" * 20
KEY = "0x" + "ff" * 32


def listed(*keys: int) -> str:
    """An access list of addresses with this many keys each."""
    return json.dumps([{"address": TO, "storageKeys": [KEY] * count} for count in keys])


PAYLOADS: dict[str, dict[str, Any]] = {
    "a transfer": {},
    "a token's transfer": {"data": tokens.transfer(TO, 2**256 - 1)},
    "one byte": {"data": b"\x01"},
    "55 bytes": {"data": b"\xff" * 55},
    "56 bytes": {"data": b"\xff" * 56},
    "a creation": {"data": b"\xff" * MAX_INITCODE_BYTES, "to": None},
    "all the data there may be": {"data": b"\xff" * MAX_DATA_BYTES},
    "an address": {"access_list": listed(0)},
    "addresses with keys": {"access_list": listed(0, 1, 2, 7, 8, 300), "data": b"\xff" * 300},
    "one long entry": {"access_list": listed(3_900)},
    "two long entries": {"access_list": listed(1_985, 1_900), "data": b"\xff" * 700},
    "many addresses": {"access_list": listed(*[0] * 4_000)},
}


def signed_size(data: bytes, access_list: str | None, to: str | None, **numbers: int) -> int:
    fields = {"type": 2, "data": data, "to": to or "", "accessList": json.loads(access_list or "[]")}
    return len(UnsignedTransaction.of(fields | numbers).signed(Signature(2**255, ORDER // 2, 1)).raw)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_no_transaction_has_more_bytes_than_the_oracle_is_asked_for(payload: dict[str, Any]) -> None:
    data, access_list = payload.get("data", b""), payload.get("access_list")
    shape = {"data": data, "access_list": access_list, "to": payload.get("to", TO)}
    bound = op_stack_fees.unsigned_size(data, access_list) + SIGNATURE_BYTES
    largest = {
        "chainId": 2**63 - 1, "nonce": 2**64 - 2, "value": 2**256 - 1, "gas": 2**64 - 1,
        "maxFeePerGas": 2**64 - 1, "maxPriorityFeePerGas": 2**64 - 1,
    }  # fmt: skip
    usual = {
        "chainId": 8453, "nonce": 7, "value": 10**18, "gas": MAX_TRANSACTION_GAS,
        "maxFeePerGas": 10**9, "maxPriorityFeePerGas": 10**6,
    }  # fmt: skip
    assert signed_size(**shape, **largest) <= bound
    slack = 80 + 6 * len(json.loads(access_list or "[]"))  # and not much more than the usual size
    assert bound - signed_size(**shape, **usual) <= slack


def test_the_chains_that_have_an_oracle() -> None:
    found = {name: spec.fee_oracle for name, spec in Registry.DEFAULT.chains.items() if spec.fee_oracle}
    assert found == {"base": ORACLE, "optimism": ORACLE}
    assert checksum(ORACLE.lower()) == ORACLE
    for spec in Registry.DEFAULT.chains.values():
        if spec.fee_oracle:  # the limit assumes this
            assert spec.fee_kind == "eip1559" and spec.caps.max_fee_per_gas < 2**64


def test_the_oracle_call_is_encoded_as_specified() -> None:
    method, (query, block) = op_stack_fees.fee_call(ORACLE, 300)
    assert (method, query["to"], block) == ("eth_call", ORACLE, "latest")
    assert query["input"] == "0xf1c7a58b" + f"{300:064x}"
    from eth_utils.crypto import keccak

    assert keccak(text="getL1FeeUpperBound(uint256)")[:4] == op_stack_fees.UPPER_BOUND


def test_what_is_a_fee_and_what_is_none() -> None:
    assert op_stack_fees.wei("0x" + f"{7:064x}") == 7
    assert op_stack_fees.wei("0x" + f"{10**19:064x}") == 10**19
    for answer in (
        "0x", "0x07", "0x" + "00" * 31, "0x" + "00" * 64, "0x" + f"{10**19 + 1:064x}", None, {}, "fee",
        classify("execution reverted"), classify("insufficient funds"),
    ):  # fmt: skip
        with pytest.raises(Unreachable):
            op_stack_fees.wei(answer)
