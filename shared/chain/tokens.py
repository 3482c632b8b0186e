"""Encode calls to tokens and decode their answers. Transfer evidence is in `domain.transactions.evidence`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from shared.keys.addresses import checksummed

TRANSFER: Final = bytes.fromhex("a9059cbb")  # transfer(address,uint256)
SAFE_TRANSFER: Final = bytes.fromhex("42842e0e")  # ERC-721: safeTransferFrom(address,address,uint256)
# ERC-1155: safeTransferFrom(address,address,uint256,uint256,bytes)
SAFE_TRANSFER_AMOUNT: Final = bytes.fromhex("f242432a")
BALANCE_OF: Final = bytes.fromhex("70a08231")  # balanceOf(address)
DECIMALS: Final = bytes.fromhex("313ce567")  # decimals()
SYMBOL: Final = bytes.fromhex("95d89b41")  # symbol()
MAX_TEXT_ANSWER: Final = 1024  # bytes
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._$+/₮-]{0,31}")  # so that no symbol looks like another


def transfer(recipient: str, amount: int) -> bytes:
    """Call data of transfer(recipient, amount), amount in the token's base units."""
    return TRANSFER + _encode(["address", "uint256"], [recipient, amount])


def safe_transfer(owner: str, recipient: str, token_id: int, amount: int | None) -> bytes:
    """Call data for transferring an ERC-721 token, or with an amount, ERC-1155 tokens."""
    if amount is None:
        return SAFE_TRANSFER + _encode(["address", "address", "uint256"], [owner, recipient, token_id])
    kinds = ["address", "address", "uint256", "uint256", "bytes"]
    return SAFE_TRANSFER_AMOUNT + _encode(kinds, [owner, recipient, token_id, amount, b""])


@dataclass(frozen=True, slots=True)
class SingleToken:
    """The token that a call to an ERC-721 (amount 1) or ERC-1155 contract moves; the recipient in EIP-55."""

    type: Literal["erc721", "erc1155"]
    recipient: str
    token_id: int
    amount: int


def decoded_safe_transfer(owner: str, data: bytes) -> SingleToken | None:
    """The token that `data` moves if it is exactly a `safe_transfer` of the owner's token; otherwise None."""
    lengths = {SAFE_TRANSFER: 3, SAFE_TRANSFER_AMOUNT: 6}  # words
    words = [data[at : at + 32] for at in range(4, len(data), 32)] if len(data) <= 4 + 6 * 32 else []
    if lengths.get(data[:4]) != len(words) or len(data) != 4 + 32 * len(words):
        return None
    source, target, token_id = words[:3]
    if any(source[:12]) or any(target[:12]) or source[12:] != bytes.fromhex(owner[2:]):
        return None
    recipient, number = checksummed(target[12:]), int.from_bytes(token_id, "big")
    if len(words) == 3:
        return SingleToken("erc721", recipient, number, 1)
    if (int.from_bytes(words[4], "big"), int.from_bytes(words[5], "big")) != (160, 0):  # bytes: empty
        return None
    return SingleToken("erc1155", recipient, number, int.from_bytes(words[3], "big"))


def balance_of(owner: str) -> bytes:
    return BALANCE_OF + _encode(["address"], [owner])


def decoded_transfer(data: bytes) -> tuple[str, int] | None:
    """(recipient in EIP-55, amount) if `data` is exactly a transfer call; otherwise None."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError
    from eth_utils.address import to_checksum_address

    if data[:4] != TRANSFER or len(data) != 68:
        return None
    try:
        recipient, amount = decode(["address", "uint256"], data[4:])
    except DecodingError:
        return None
    return str(to_checksum_address(recipient)), int(amount)


def uint(answer: bytes) -> int | None:
    """The number in a 32-byte answer; None if the token returned none (no code there, or not a token)."""
    return int.from_bytes(answer[:32], "big") if len(answer) >= 32 else None


def text(answer: bytes) -> str | None:
    """The string in an answer, including bytes32 answers of old tokens (MKR); None if it is neither, or not plain
    text.

    The contract's author chose the text, and people read it in pages, mails and terminals. So a symbol must not
    contain markup, control characters, direction overrides or invisible characters."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    if len(answer) == 32:
        return _plain(answer.rstrip(b"\0").decode("utf-8", "replace"))
    if len(answer) > MAX_TEXT_ANSWER:
        return None
    try:
        (value,) = decode(["string"], answer)
    except (DecodingError, OverflowError, UnicodeDecodeError):
        return None
    return _plain(str(value))


def _plain(value: str) -> str | None:
    """The text if it is Latin letters, digits and a few signs, on one line."""
    kept = value.strip()
    return kept if _PLAIN.fullmatch(kept) else None


def transfer_accepted(answer: bytes) -> bool:
    """Whether a simulated transfer's return value means success: empty (USDT) or true."""
    return answer == b"" or uint(answer) == 1


def _encode(types: list[str], values: list[Any]) -> bytes:
    from eth_abi.abi import encode

    return encode(types, values)
