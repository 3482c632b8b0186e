"""A Firestore collection in memory, as far as the cache uses one: get, merging set with `Maximum`, delete.

For local runs and tests. Each process has its own collection. What another process changed is noticed after
`HARD_SECONDS` at the latest, as in another region.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

MAX_DOCUMENTS: Final = 50_000  # documents; the oldest is dropped with its floor, long after it expired


@dataclass(frozen=True)
class Maximum:
    """A value that replaces a smaller one only, like Firestore's; its import would take a quarter of a second."""

    value: Any


@dataclass
class Documents:
    """A collection; safe for threads."""

    stored: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def document(self, name: str) -> Document:
        return Document(self, name)


@dataclass(frozen=True)
class Snapshot:
    fields: dict[str, Any] | None

    @property
    def exists(self) -> bool:
        return self.fields is not None

    def to_dict(self) -> dict[str, Any] | None:
        return self.fields


@dataclass(frozen=True)
class Document:
    documents: Documents
    name: str

    def get(self, **how: Any) -> Snapshot:
        with self.documents.lock:
            found = self.documents.stored.get(self.name)
            return Snapshot(None if found is None else dict(found))

    def set(self, fields: dict[str, Any], *, merge: bool, **how: Any) -> None:
        assert merge, "the cache merges only"
        with self.documents.lock:
            every = self.documents.stored
            stored = every.setdefault(self.name, {})
            for name, value in fields.items():
                if isinstance(value, Maximum):
                    stored[name] = max(stored.get(name, value.value), value.value)
                else:
                    stored[name] = value
            every.move_to_end(self.name)
            if len(every) > MAX_DOCUMENTS:
                every.popitem(last=False)

    def delete(self) -> None:
        with self.documents.lock:
            self.documents.stored.pop(self.name, None)
