"""Read a call's arguments like Solidity's decoder: offsets may overlap or be odd, and trailing data is ignored.

Data that a decoder refuses, pads or masks (depending on its version) is Unreadable here: short data, dirty high bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.wallets.outflows.moves import Unreadable

WORD = 32


@dataclass(frozen=True, slots=True)
class Arguments:
    """`data` without the selector. `at` are byte positions; those of dynamic values count from a `base`."""

    data: bytes

    def word(self, at: int) -> int:
        found = self.data[at : at + WORD]
        if len(found) != WORD:
            raise Unreadable("the data is too short")
        return int.from_bytes(found, "big")

    def uint(self, at: int, bits: int = 256) -> int:
        value = self.word(at)
        if value >> bits:
            raise Unreadable("a value does not fit its type")
        return value

    def address(self, at: int) -> str:
        return f"0x{self.uint(at, 160):040x}"

    def flag(self, at: int) -> bool:
        return bool(self.uint(at, 1))

    def place(self, at: int, base: int = 0) -> int:
        """The position of the dynamic value whose offset is at `at`."""
        found = base + self.word(at)
        if found > len(self.data):
            raise Unreadable("an offset points outside of the data")
        return found

    def bytes_at(self, at: int, base: int = 0) -> bytes:
        start = self.place(at, base)
        size = self.word(start)
        if size > len(self.data) - start - WORD:
            raise Unreadable("a length points outside of the data")
        return self.data[start + WORD : start + WORD + size]

    def items(self, at: int, base: int = 0, *, words: int = 1) -> range:
        """The positions of an array's elements (or of their offsets, from the first position), `words` each."""
        start = self.place(at, base)
        count = self.word(start)
        if count * words * WORD > len(self.data) - start - WORD:
            raise Unreadable("an array is longer than the data")
        first = start + WORD
        return range(first, first + count * words * WORD, words * WORD)
