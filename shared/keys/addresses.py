"""EIP-55 addresses as text. This module needs no elliptic curve and imports none."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from eth_hash.auto import keccak

from shared.domain.errors import InvalidValue

ZERO_ADDRESS: Final = "0x" + "0" * 40  # nobody has its key: the sender of a call that needs none
_ADDRESS = re.compile(r"0x([0-9a-fA-F]{40})")


@lru_cache(4096)  # the same few addresses come again and again, and a hash takes 30 microseconds
def checksummed(address: bytes) -> str:
    """20 bytes as EIP-55 text."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False)
    )


def parse_address(text: str, field_name: str = "address") -> str:
    """The EIP-55 form of `text`. All-lower and all-upper digits have no checksum; mixed-case ones must match it.
    Raises InvalidValue."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise InvalidValue(field_name, "must be 0x and 40 hexadecimal digits")
    canonical = checksummed(bytes.fromhex(match[1]))
    if text != canonical and match[1] not in (match[1].lower(), match[1].upper()):
        raise InvalidValue(field_name, "its capital letters do not match the checksum (EIP-55)")
    return canonical
