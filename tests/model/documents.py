"""A Firestore collection in memory, as far as the cache uses one: get, merging set with `Maximum`, delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.cloud.firestore import Maximum


@dataclass
class Documents:
    """The model of a collection."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)

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
        found = self.documents.stored.get(self.name)
        return Snapshot(None if found is None else dict(found))

    def set(self, fields: dict[str, Any], *, merge: bool, **how: Any) -> None:
        assert merge, "the cache merges only"
        stored = self.documents.stored.setdefault(self.name, {})
        for name, value in fields.items():
            if isinstance(value, Maximum):
                stored[name] = max(stored.get(name, value.value), value.value)
            else:
                stored[name] = value

    def delete(self) -> None:
        self.documents.stored.pop(self.name, None)
