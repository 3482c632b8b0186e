"""Key ranges as SQL conditions: prefixes, open and closed ends, descending columns, NULL before every value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.store.port import KeyRange
from shared.store.sqlite.schema import quoted
from shared.store.sqlite.values import Convert


@dataclass(frozen=True, slots=True)
class Part:
    """A column of the key that a range restricts."""

    name: str
    descending: bool
    nullable: bool
    encode: Convert

    def value(self, given: Any) -> Any:
        return None if given is None else self.encode(given)


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL text with placeholders for `values`; ranges of one shape have the same text."""

    text: str
    values: tuple[Any, ...]


NOTHING = Condition("0", ())


def condition(parts: Sequence[Part], span: KeyRange) -> Condition:
    """The condition that the rows of a range fulfil."""
    same = 0
    while same < min(len(span.start), len(span.end)) and span.start[same] == span.end[same]:
        same += 1
    start, end = span.start[same:], span.end[same:]
    if (span.start_open and not start and span.start) or (span.end_open and not end and span.end):
        return NOTHING  # the open bound excludes everything with this prefix, and the range has nothing else
    texts = [f"{quoted(part.name)} IS ?" for part in parts[:same]]
    values = [part.value(given) for part, given in zip(parts, span.start[:same], strict=False)]
    for bound, lower, is_open in ((start, True, span.start_open), (end, False, span.end_open)):
        if bound:
            made = _bound(parts[same:], bound, lower, is_open)
            if made == NOTHING:
                return NOTHING
            texts.append(made.text)
            values += made.values
    return Condition(" AND ".join(texts) or "1", tuple(values))


def _bound(parts: Sequence[Part], bound: Sequence[Any], lower: bool, is_open: bool) -> Condition:
    """Rows on the right side of a key: compared by its first column and, if equal, by the next columns."""
    part, value = parts[0], parts[0].value(bound[0])
    upward = lower != part.descending
    if len(bound) == 1:
        return _side(part, value, upward, inclusive=not is_open)
    if (within := _side(part, value, upward, inclusive=True)) == NOTHING:
        return NOTHING
    beyond = _side(part, value, upward, inclusive=False)
    rest = _bound(parts[1:], bound[1:], lower, is_open)
    text = f"({within.text} AND ({beyond.text} OR {rest.text}))"
    return Condition(text, (*within.values, *beyond.values, *rest.values))


def _side(part: Part, value: Any, upward: bool, inclusive: bool) -> Condition:
    """Values above (or below) this one, in plain order."""
    name = quoted(part.name)
    if value is None:
        texts = {(True, True): "1", (True, False): f"{name} IS NOT NULL", (False, True): f"{name} IS NULL"}
        return Condition(texts.get((upward, inclusive), "0"), ())
    sign = (">" if upward else "<") + ("=" if inclusive else "")
    if upward or not part.nullable:
        return Condition(f"{name} {sign} ?", (value,))
    return Condition(f"({name} {sign} ? OR {name} IS NULL)", (value,))
