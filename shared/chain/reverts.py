"""Decode why a call failed: Error(string) and Panic(uint256) of Solidity, and custom errors of a known ABI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

ERROR: Final = bytes.fromhex("08c379a0")  # Error(string)
PANIC: Final = bytes.fromhex("4e487b71")  # Panic(uint256)

# Source: docs.soliditylang.org, "Panic via assert and Error via require"
PANICS: Final[dict[int, str]] = {
    0x00: "generic compiler panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "conversion to an enum out of range",
    0x22: "storage byte array incorrectly encoded",
    0x31: "pop on an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory allocated",
    0x51: "call to a zero-initialised function",
}
# ERC-6093: the standard errors of tokens. A contract's own ABI takes precedence.
_STANDARD: Final = {
    "ERC20InsufficientBalance": ("address", "uint256", "uint256"),
    "ERC20InvalidSender": ("address",),
    "ERC20InvalidReceiver": ("address",),
    "ERC20InsufficientAllowance": ("address", "uint256", "uint256"),
    "ERC20InvalidApprover": ("address",),
    "ERC20InvalidSpender": ("address",),
    "ERC721InvalidOwner": ("address",),
    "ERC721NonexistentToken": ("uint256",),
    "ERC721IncorrectOwner": ("address", "uint256", "address"),
    "ERC721InvalidReceiver": ("address",),
    "ERC721InsufficientApproval": ("address", "uint256"),
    "ERC1155InsufficientBalance": ("address", "uint256", "uint256", "uint256"),
    "ERC1155InvalidReceiver": ("address",),
    "ERC1155MissingApprovalForAll": ("address", "address"),
    "OwnableUnauthorizedAccount": ("address",),
    "AccessControlUnauthorizedAccount": ("address", "bytes32"),
    "EnforcedPause": (),
}
STANDARD: Final[tuple[Mapping[str, Any], ...]] = tuple(
    {"type": "error", "name": name, "inputs": [{"type": kind} for kind in kinds]}
    for name, kinds in _STANDARD.items()
)
_MAX_REASON: Final = 1_000  # characters of a reason, which the contract chooses
_SHOWN: Final = 4_096  # bytes of the data that are shown
# Bytes of data that are decoded: contracts and ABIs, which users write, can expand a few kilobytes into gigabytes.
_MAX_BYTES: Final = 16_384
_MAX_WORDS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Revert:
    """`reason` is for people; arguments are JSON-ready (integers as strings, bytes as 0x hex); `data` is truncated."""

    kind: Literal["error", "panic", "custom", "unknown", "empty"]
    reason: str
    name: str | None = None
    arguments: tuple[Any, ...] = ()
    data: str = "0x"


def decode_revert(data: bytes, abi: Iterable[Mapping[str, Any]] = (), text: str = "") -> Revert:
    """The revert that `data` encodes; `text` is the node's message, used if the data has no reason."""
    raw = "0x" + data[:_SHOWN].hex()
    if not data:
        return Revert("empty", text[:_MAX_REASON] or "reverted without a reason", data=raw)
    selector, body = data[:4], data[4:]
    if selector == ERROR and (values := _decode([{"type": "string"}], body)):
        return Revert("error", str(values[0])[:_MAX_REASON], "Error", (str(values[0])[:_MAX_REASON],), raw)
    if selector == PANIC and (values := _decode([{"type": "uint256"}], body)):
        code = int(values[0])
        return Revert("panic", PANICS.get(code, f"panic {code:#x}"), "Panic", (str(code),), raw)
    for entry in (*abi, *STANDARD):
        if entry.get("type") == "error" and _selector(entry) == selector:
            values = _decode(entry.get("inputs", ()), body)
            if values is not None:
                plain = tuple(_plain(value) for value in values)
                reason = f"{entry['name']}({', '.join(str(value) for value in plain)})"
                return Revert("custom", reason[:_MAX_REASON], str(entry["name"]), plain, raw)
    return Revert("unknown", text[:_MAX_REASON] or f"custom error {raw[:10]}", data=raw)


def _decode(inputs: Sequence[Mapping[str, Any]], body: bytes) -> tuple[Any, ...] | None:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError, ParseError

    from shared.domain.contracts import answers
    from shared.domain.errors import Refusal

    try:
        answers.require_bounded(inputs, body, most=_MAX_BYTES, words=_MAX_WORDS)
        return tuple(decode([_type(item) for item in inputs], body))
    except (Refusal, DecodingError, ParseError, OverflowError, UnicodeDecodeError, ValueError):
        return None


def _selector(entry: Mapping[str, Any]) -> bytes:
    from eth_utils.crypto import keccak

    types = ",".join(_type(item) for item in entry.get("inputs", ()))
    return bytes(keccak(text=f"{entry['name']}({types})")[:4])


def _type(item: Mapping[str, Any]) -> str:
    """The canonical type of an ABI input; tuples are written out."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(part) for part in item['components'])}){kind.removeprefix('tuple')}"


def _plain(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else str(value)
