"""What owners note on their resources, by key and value: where a list that asks for it finds them.

An entry is written with its resource and never changes, as the resource's `metadata` does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.store.table import BY_ROW, Table


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """`kind` is the resource's table, `entry` is `<key>:<value>`."""

    user_id: str
    kind: str
    entry: str
    created_at: datetime
    resource_id: str


METADATA = Table(
    "metadata_entries",
    MetadataEntry,
    ("user_id", "kind", "entry", "created_at", "resource_id"),
    descending=frozenset({"created_at"}),
)


class Noted(Protocol):
    """A row with metadata."""

    @property
    def id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str] | None: ...
    @property
    def created_at(self) -> datetime: ...


def entries(row: Noted) -> Iterable[MetadataEntry]:
    """The entries of a new resource, to be written with it."""
    kind = BY_ROW[type(row)].name
    return [
        MetadataEntry(row.user_id, kind, f"{key}:{value}", row.created_at, row.id)
        for key, value in (row.metadata or {}).items()
    ]
