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
    """`data.answer` is the beginning of what came."""

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
    """Walks the data as a decoder would, and counts down."""

    def __init__(self, data: bytes, words: int) -> None:
        self.data, self.left, self.most = data, words, words

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
            if _dynamic(parameter, kind):
                self.spend(1)
                self._follow(parameter, kind, start, at)
                at += 32
            else:
                words = _words(parameter, kind)
                self.spend(words)
                at += 32 * words

    def _follow(self, parameter: Parameter, kind: str, start: int, at: int) -> None:
        """A dynamic value; nothing of it is read where its offset leaves the data."""
        place = start + self.word(at)
        if place + 32 > len(self.data):
            return
        if kind.endswith("]"):
            item, _, size = kind[:-1].rpartition("[")
            count, first = (int(size), place) if size else (self.word(place), place + 32)
            self.spend(count)
            if _dynamic(parameter, item):
                self.members([(parameter, item)] * count, first)
            else:
                self.spend(count * _words(parameter, item))
        elif kind == "tuple":
            self.members([(one, str(one["type"])) for one in parameter["components"]], place)
        else:
            self.spend(1 + self.word(place) // 32)


def _dynamic(parameter: Parameter, kind: str) -> bool:
    if kind.endswith("]"):
        item, _, size = kind[:-1].rpartition("[")
        return not size or _dynamic(parameter, item)
    if kind == "tuple":
        return any(_dynamic(one, str(one["type"])) for one in parameter["components"])
    return kind in ("string", "bytes")


def _words(parameter: Parameter, kind: str) -> int:
    """Of a static value."""
    if kind.endswith("]"):
        item, _, size = kind[:-1].rpartition("[")
        return int(size) * _words(parameter, item)
    if kind == "tuple":
        return sum(_words(one, str(one["type"])) for one in parameter["components"])
    return 1


def shown(data: bytes) -> dict[str, Any]:
    """The beginning of an answer, for a refusal."""
    return {"answer": "0x" + data[:256].hex()}
