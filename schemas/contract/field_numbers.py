"""The lock of protobuf's field numbers: a number, once assigned, is never reused for another field.

`schemas/proto/numbers.json` holds each field's number and type, by message. The number of a removed field, or of a
field with a changed type, is retired; a new field gets the next free number. Do not edit the file: `make generate`
writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_IMPLEMENTATION = range(19_000, 20_000)  # reserved by protobuf


@dataclass(slots=True)
class Numbers:
    """Each message's fields (`{name: [number, type]}`) and retired numbers."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    _requested: set[str] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(json.loads(text) if text else {})

    def text(self) -> str:
        """The file's text. Messages that are no longer requested keep their numbers, all retired."""
        for name in self.messages.keys() - self._requested:
            self._retire(name, {})
        lines = [
            f"{json.dumps(name)}: {json.dumps(self.messages[name], sort_keys=True)}"
            for name in sorted(self.messages)
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def of(self, message: str, fields: Mapping[str, str]) -> dict[str, int]:
        """The numbers of a message's fields; `fields` maps names to types."""
        self._requested.add(message)
        self._retire(message, fields)
        known = self.messages[message]["fields"]
        for name, kind in fields.items():
            if name not in known:
                known[name] = [self._next(message), kind]
        return {name: known[name][0] for name in fields}

    def reserved(self, message: str) -> tuple[int, ...]:
        """The retired numbers of this message."""
        return tuple(sorted(self.messages.get(message, {}).get("retired", ())))

    def _retire(self, message: str, fields: Mapping[str, str]) -> None:
        entry = self.messages.setdefault(message, {"fields": {}, "retired": []})
        for name, (number, kind) in list(entry["fields"].items()):
            if fields.get(name) != kind:
                del entry["fields"][name]
                entry["retired"] = sorted([*entry["retired"], number])

    def _next(self, message: str) -> int:
        entry = self.messages[message]
        last = max([0, *entry["retired"], *(number for number, _ in entry["fields"].values())])
        return last + 1 if last + 1 not in _IMPLEMENTATION else _IMPLEMENTATION.stop
