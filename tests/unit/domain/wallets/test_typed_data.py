"""What a signature over typed data lets others take; a type that is not known exactly is unreadable."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.domain.wallets.outflows import typed_data
from shared.domain.wallets.outflows.moves import NATIVE, UNLIMITED
from shared.domain.wallets.outflows.typed_data import ANYBODY, KNOWN, of_typed_data

ME, FRIEND, TOKEN, OTHER, VERIFIER = ("0x" + digit * 40 for digit in "abcde")
TRANSFER = "0xa9059cbb" + FRIEND[2:].rjust(64, "0") + f"{7:064x}"


def document(encoded: str, message: dict[str, Any], contract: str | None = VERIFIER) -> dict[str, Any]:
    """The document with this encodeType."""
    types = {
        name: [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in fields.split(",")]
        for name, fields in re.findall(r"(\w+)\(([^)]*)\)", encoded)
    }
    domain = {"chainId": 1} | ({"verifyingContract": contract} if contract else {})
    return {"types": types, "primaryType": encoded.partition("(")[0], "domain": domain, "message": message}


def known(start: str) -> str:
    return next(text for text in KNOWN if text.startswith(start))


PERMITTED = {"token": TOKEN, "amount": "7"}
WITNESSED = (
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
    "Order witness)Order(uint256 id)TokenPermissions(address token,uint256 amount)"
)
SAFE = {"to": TOKEN, "value": 5, "data": TRANSFER, "operation": 0, "gasPrice": 0}
OFFER = {"itemType": 1, "token": TOKEN, "startAmount": "7", "endAmount": "9"}
CASES: list[tuple[str, dict[str, Any], list[Any]]] = [
    (known("Permit(address owner"), {"spender": FRIEND, "value": "0x7"}, [(VERIFIER, FRIEND, 7)]),
    (known("Permit(address holder"), {"spender": FRIEND, "allowed": True}, [(VERIFIER, FRIEND, UNLIMITED)]),
    (known("Permit(address holder"), {"spender": FRIEND, "allowed": False}, []),
    (known("TransferWith"), {"to": FRIEND, "value": 7}, [(VERIFIER, FRIEND, 7)]),
    (known("ReceiveWith"), {"to": FRIEND, "value": 7}, [(VERIFIER, FRIEND, 7)]),
    (known("CancelAuth"), {}, []),
    (known("PermitSingle"), {"details": PERMITTED, "spender": FRIEND}, [(TOKEN, FRIEND, 7)]),
    (known("PermitBatch("), {"details": [PERMITTED] * 2, "spender": FRIEND}, [(TOKEN, FRIEND, 7)] * 2),
    (known("PermitTransferFrom"), {"permitted": PERMITTED, "spender": FRIEND}, [(TOKEN, FRIEND, 7)]),
    (known("PermitBatchTransfer"), {"permitted": [PERMITTED], "spender": FRIEND}, [(TOKEN, FRIEND, 7)]),
    (WITNESSED, {"permitted": PERMITTED, "spender": FRIEND}, [(TOKEN, FRIEND, 7)]),
    (known("SafeTx"), SAFE, [(NATIVE, TOKEN, 5), (TOKEN, FRIEND, 7)]),
    (known("ForwardRequest"), {"to": TOKEN, "value": 0, "data": TRANSFER}, [(TOKEN, FRIEND, 7)]),
    (known("MetaTransaction"), {"functionSignature": TRANSFER}, [(VERIFIER, FRIEND, 7)]),
    (
        known("OrderComponents"),
        {"offer": [OFFER], "consideration": [{"recipient": OTHER}]},
        [(TOKEN, ANYBODY, 9), (VERIFIER, OTHER, 0)],
    ),
    (
        known("Order(address sellToken"),
        {"sellToken": TOKEN, "sellAmount": 7, "feeAmount": 1, "receiver": OTHER},
        [(TOKEN, ANYBODY, 8), (VERIFIER, OTHER, 0)],
    ),
]


@pytest.mark.parametrize(("encoded", "message", "moves"), CASES)
def test_a_known_document_is_read(encoded: str, message: dict[str, Any], moves: list[Any]) -> None:
    outflow = of_typed_data(ME, document(encoded, message))
    assert outflow.readable and outflow.calls[0].to == VERIFIER
    assert [(move.asset, move.recipient, move.amount) for move in outflow.moves] == moves


@pytest.mark.parametrize(("encoded", "message", "moves"), CASES)
def test_what_differs_in_anything_is_not_read(
    encoded: str, message: dict[str, Any], moves: list[Any]
) -> None:
    for changed in (
        document(encoded, message, None),
        document(
            encoded.replace("uint256", "uint128", 1)
            .replace("bytes32 nonce", "bytes nonce")
            .replace("bool allowed", "uint8 allowed"),
            message,
        )
        if encoded != WITNESSED
        else {},
        document(encoded, dict.fromkeys(message)) if message else {},
        document("X" + encoded, message),
        {**document(encoded, message), "types": []},
        {},
    ):
        assert not of_typed_data(ME, changed).readable


def test_recursive_and_huge_types_end() -> None:
    loop = {"A": [{"name": "b", "type": "B"}], "B": [{"name": "a", "type": "A[]"}]}
    assert typed_data.encode_type({"types": loop, "primaryType": "A"}) == "A(B b)B(A[] a)"
    many = {f"T{number}": [] for number in range(100)}
    huge = {"types": many, "primaryType": "T1", "domain": {"verifyingContract": VERIFIER}, "message": {}}
    assert not of_typed_data(ME, huge).readable
