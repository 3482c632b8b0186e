"""Translate expressions of checks and generated columns from Spanner's SQL into SQLite's.

SQLite stores NUMERIC as text, so functions add and compare it (`shared.store.sqlite.functions`). An unknown
expression raises UnknownStatement: extend this module instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.database.ddl import Column, UnknownStatement

_TOKEN: Final = re.compile(r"\s*(?:(`\w+`|[A-Za-z_]\w*)|('[^'\\]*')|(\d+)|(<=|>=|!=|<>|[=<>+\-*(),]))")
_FUNCTIONS: Final = {
    "IF": "iif",
    "IFNULL": "ifnull",
    "COALESCE": "coalesce",
    "MOD": "remainder",
    "ABS": "abs",
    "CHAR_LENGTH": "length",
    "FARM_FINGERPRINT": "fingerprint",
}
_COMPARISONS: Final = ("=", "!=", "<>", "<", ">", "<=", ">=")


def translated(text: str, columns: Mapping[str, Column]) -> str:
    """The expression in SQLite's SQL. Raises UnknownStatement."""
    parser = _Parser(text, _tokens(text), columns)
    found = parser.either()
    if parser.tokens:
        raise UnknownStatement(f"not an expression: {text}")
    return found.sql


@dataclass(frozen=True, slots=True)
class _Value:
    sql: str
    numeric: bool = False


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise UnknownStatement(f"not known to the tools: {text[place:]}")
        found.append(token[0].strip())
        place = token.end()
    return found


@dataclass
class _Parser:
    """Parses by precedence: OR, AND, NOT, comparisons, sums, single values."""

    text: str
    tokens: list[str]
    columns: Mapping[str, Column]

    def _next(self, *words: str) -> str | None:
        """Take and return the next token if it is one of these."""
        if self.tokens and self.tokens[0].upper() in words:
            return self.tokens.pop(0).upper()
        return None

    def _must(self, word: str) -> None:
        if not self._next(word):
            raise UnknownStatement(f"{word} is missing: {self.text}")

    def either(self) -> _Value:
        found = self._both()
        while self._next("OR"):
            found = _Value(f"({found.sql} OR {self._both().sql})")
        return found

    def _both(self) -> _Value:
        found = self._negation()
        while self._next("AND"):
            found = _Value(f"({found.sql} AND {self._negation().sql})")
        return found

    def _negation(self) -> _Value:
        return _Value(f"(NOT {self._negation().sql})") if self._next("NOT") else self._comparison()

    def _comparison(self) -> _Value:
        left = self._sum()
        if self._next("IS"):
            no = " NOT" if self._next("NOT") else ""
            self._must("NULL")
            return _Value(f"({left.sql} IS{no} NULL)")
        no = "NOT " if self._next("NOT") else ""
        if self._next("IN"):
            return _Value(f"({left.sql} {no}IN ({', '.join(one.sql for one in self._list())}))")
        sign = self._next(*_COMPARISONS)
        if sign is None:
            return left
        right = self._sum()
        if left.numeric or right.numeric:
            return _Value(f"(numeric_compare({left.sql}, {right.sql}) {sign} 0)")
        return _Value(f"({left.sql} {sign} {right.sql})")

    def _sum(self) -> _Value:
        found = self._single()
        while sign := self._next("+", "-"):
            other = self._single()
            if found.numeric or other.numeric:
                name = "numeric_add" if sign == "+" else "numeric_subtract"
                found = _Value(f"{name}({found.sql}, {other.sql})", numeric=True)
            else:
                found = _Value(f"({found.sql} {sign} {other.sql})")
        return found

    def _single(self) -> _Value:
        if self._next("("):
            found = self.either()
            self._must(")")
            return found
        if not self.tokens:
            raise UnknownStatement(f"not an expression: {self.text}")
        token = self.tokens.pop(0)
        if token[0] == "'" or token[0].isdigit():
            return _Value(token)
        word = token.upper()
        if word in ("TRUE", "FALSE", "NULL"):
            return _Value({"TRUE": "1", "FALSE": "0"}.get(word, "NULL"))
        if word in _FUNCTIONS and self.tokens[:1] == ["("]:
            return self._call(word)
        column = self.columns.get(token.strip("`"))
        if column is None:
            raise UnknownStatement(f"{token} is not known to the tools: {self.text}")
        return _Value(f'"{column.name}"', column.type == "NUMERIC")

    def _call(self, word: str) -> _Value:
        arguments = self._list()
        numeric = word in ("IF", "IFNULL", "COALESCE") and any(one.numeric for one in arguments[-2:])
        if word in ("MOD", "ABS") and any(one.numeric for one in arguments):
            raise UnknownStatement(f"{word} of NUMERIC is not known to the tools: {self.text}")
        return _Value(f"{_FUNCTIONS[word]}({', '.join(one.sql for one in arguments)})", numeric)

    def _list(self) -> list[_Value]:
        self._must("(")
        found = [self.either()]
        while self._next(","):
            found.append(self.either())
        self._must(")")
        return found
