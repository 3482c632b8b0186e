"""Measure the size of a decoded answer before a library decodes it.

Offsets in ABI data may point to the same place repeatedly, so a few kilobytes from a hostile contract can represent
gigabytes of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.errors import Refusal

Parameter = Mapping[str, Any]  # of an ABI
MAX_BYTES: Final = 1024 * 1024  # of an encoded answer
MAX_WORDS: Final = 2**16  # of 32 bytes each, in the decoded answer


class AnswerTooLarge(Refusal):
    """`data.limit` is the largest size, in `data.unit`: bytes, or words of 32 bytes that they decode to."""

    code, status, message = "ANSWER_TOO_LARGE", 422, "The contract's answer is too large to decode."


class AnswerUnreadable(Refusal):
    """`data.answer` is the beginning of the answer."""

    code, status = "ANSWER_UNREADABLE", 422
    message = "The contract's answer does not match its ABI."


def require_bounded(
    parameters: Sequence[Parameter], data: bytes, *, most: int = MAX_BYTES, words: int = MAX_WORDS
) -> None:
    """Check that the data has at most `most` bytes and decodes to at most `words` words. Raises AnswerTooLarge.
    Unreadable data passes; the decoder refuses it."""
    if len(data) > most:
        raise AnswerTooLarge(limit=most, unit="bytes")
    _Weight(data, words).members([(one, str(one["type"])) for one in parameters], 0)


class _Weight:
    """Walks the data like a decoder and counts down the words. Each type is measured only once, because the data may
    contain a large type as often as it has words."""

    def __init__(self, data: bytes, words: int) -> None:
        self.data, self.left, self.most = data, words, words
        self._sizes: dict[tuple[int, str], int] = {}

    def spend(self, words: int) -> None:
        self.left -= words
        if self.left < 0:
            raise AnswerTooLarge(limit=self.most, unit="words")

    def word(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 32], "big")

    def members(self, kinds: Sequence[tuple[Parameter, str]], start: int) -> None:
        """Measure values of one tuple or array: static ones in place, the others at their offsets."""
        at = start
        for parameter, kind in kinds:
            words = self._words(parameter, kind)
            self.spend(words or 1)
            if not words:
                self._follow(parameter, kind, start, at)
            at += 32 * (words or 1)

    def _follow(self, parameter: Parameter, kind: str, start: int, at: int) -> None:
        """Measure a dynamic value; nothing is read if its offset is outside of the data."""
        place = start + self.word(at)
        if place + 32 > len(self.data):
            return
        if kind.endswith("]"):
            item, _, size = kind[:-1].rpartition("[")
            count, first = (int(size), place) if size else (self.word(place), place + 32)
            self.spend(count)
            words = self._words(parameter, item)
            if words:
                self.spend(count * words)
            else:
                self.members([(parameter, item)] * count, first)
        elif kind == "tuple":
            self.members([(one, str(one["type"])) for one in parameter["components"]], place)
        else:
            self.spend(1 + self.word(place) // 32)

    def _words(self, parameter: Parameter, kind: str) -> int:
        """The words of a static value; 0 for a dynamic one."""
        key = id(parameter), kind
        if key not in self._sizes:
            self._sizes[key] = self._measured(parameter, kind)
        return self._sizes[key]

    def _measured(self, parameter: Parameter, kind: str) -> int:
        if kind.endswith("]"):
            item, _, size = kind[:-1].rpartition("[")
            return int(size) * self._words(parameter, item) if size else 0
        if kind == "tuple":
            sizes = [self._words(one, str(one["type"])) for one in parameter["components"]]
            return sum(sizes) if all(sizes) else 0
        return 0 if kind in ("string", "bytes") else 1


def shown(data: bytes) -> dict[str, Any]:
    """The beginning of an answer, to show in a refusal."""
    return {"answer": "0x" + data[:256].hex()}
