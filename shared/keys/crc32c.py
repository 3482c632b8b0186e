"""CRC-32C (Castagnoli; RFC 3720 §12.1), which Cloud KMS uses to detect corruption between client and server.

Messages have a few hundred bytes, so a table and a loop (about 20 µs) avoid a compiled dependency.
"""

from __future__ import annotations

_REVERSED_POLYNOMIAL = 0x82F63B78


def crc32c(data: bytes) -> int:
    """The checksum as an unsigned 32-bit number."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_REVERSED_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(byte) for byte in range(256))
