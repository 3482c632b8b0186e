"""How much an answer would unfold to, before a library unfolds it.

Offsets in ABI data may point to one place again and again: a few kilobytes of a hostile contract can stand for
gigabytes of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.errors import Refusal

Parameter = Mapping[str, Any]  # of an ABI
MAX_BYTES: Final = 1024 * 1024  # of an answer as it comes
MAX_WORDS: Final = 2**16  # of 32 bytes each, unfolded


class AnswerTooLarge(Refusal):
    code, status, message = "ANSWER_TOO_LARGE", 422, "The contract's answer is too large to decode."


class AnswerUnreadable(Refusal):
    """`data.answer` is the beginning of the answer."""

    code, status = "ANSWER_UNREADABLE", 422
    message = "The contract's answer does not match its ABI."


def require_bounded(
    parameters: Sequence[Parameter], data: bytes, *, most: int = MAX_BYTES, words: int = MAX_WORDS
) -> None:
    """At most so many bytes, and so many words unfolded. Raises AnswerTooLarge. What cannot be read is left to the
    decoder to refuse."""
    if len(data) > most:
        raise AnswerTooLarge(bytes=len(data), most=most)
    _Weight(data, words).members([(one, str(one["type"])) for one in parameters], 0)


class _Weight:
    """Walks the data as a decoder would, and counts down. Each type is measured once: a large one may stand in the data
    as often as there are words."""

    def __init__(self, data: bytes, words: int) -> None:
        self.data, self.left, self.most = data, words, words
        self._sizes: dict[tuple[int, str], int] = {}

    def spend(self, words: int) -> None:
        self.left -= words
        if self.left < 0:
            raise AnswerTooLarge(words=self.most)

    def word(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 32], "big")

    def members(self, kinds: Sequence[tuple[Parameter, str]], start: int) -> None:
        """Values that stand together: static ones in place, the others where an offset says."""
        at = start
        for parameter, kind in kinds:
            words = self._words(parameter, kind)
            self.spend(words or 1)
            if not words:
                self._follow(parameter, kind, start, at)
            at += 32 * (words or 1)

    def _follow(self, parameter: Parameter, kind: str, start: int, at: int) -> None:
        """A dynamic value; nothing of it is read where its offset leaves the data."""
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
        """Of a static value; 0 of a dynamic one."""
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
    """The beginning of an answer, for a refusal."""
    return {"answer": "0x" + data[:256].hex()}
