"""Recursive Length Prefix (Ethereum yellow paper, appendix B): byte strings and lists, in canonical form only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from shared.domain.errors import InvalidValue

Item: TypeAlias = "bytes | Sequence[Item]"
MAX_DEPTH = 4  # an access list nests deepest: a list of pairs of lists in a transaction


def encode(item: Item) -> bytes:
    """The canonical encoding of nested sequences of bytes."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    body = b"".join([encode(part) for part in item])
    return _prefix(len(body), 0xC0) + body


def integer(number: int) -> bytes:
    """A number as big-endian bytes without leading zeros; zero is empty."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The item that `data` encodes. Raises InvalidValue for anything that `encode` would not have produced."""
    item, end = _read(data, 0, MAX_DEPTH)
    if end != len(data):
        raise _malformed()
    return item


def to_integer(item: Item) -> int:
    """The number in canonical bytes. Raises InvalidValue for a list or leading zeros."""
    if not isinstance(item, bytes) or item[:1] == b"\0":
        raise _malformed()
    return int.from_bytes(item, "big")


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = integer(length)
    return bytes([offset + 55 + len(size)]) + size


def _read(data: bytes, at: int, depth: int) -> tuple[Item, int]:
    if at >= len(data) or depth < 0:
        raise _malformed()
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    start, end = _span(data, at, 0xC0 if first >= 0xC0 else 0x80)
    if first < 0xC0:
        if end - start == 1 and data[start] < 0x80:
            raise _malformed()  # a single small byte encodes itself
        return data[start:end], end
    items = []
    while start < end:
        item, start = _read(data[:end], start, depth - 1)
        items.append(item)
    return items, end


def _span(data: bytes, at: int, offset: int) -> tuple[int, int]:
    """Where the content of the item at `at` starts and ends."""
    short = data[at] - offset
    if short < 56:
        start, length = at + 1, short
    else:
        start = at + 1 + short - 55
        size = data[at + 1 : start]
        length = int.from_bytes(size, "big")
        if size[:1] == b"\0" or length < 56:
            raise _malformed()
    if start + length > len(data):
        raise _malformed()
    return start, start + length


def _malformed() -> InvalidValue:
    return InvalidValue("transaction", "is not canonical RLP")
