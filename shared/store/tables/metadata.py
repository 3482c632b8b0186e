"""The metadata of resources by key and value, for lists that filter by it.

Entries are written and removed in the commit that changes the resource's `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.store.table import Table, table_of
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """`kind` is the table of the resource, `entry` is `<key>:<value>`."""

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
    kind = table_of(row).name
    return [
        MetadataEntry(row.user_id, kind, f"{key}:{value}", row.created_at, row.id)
        for key, value in (row.metadata or {}).items()
    ]


def write_changes(unit: UnitOfWork, before: Noted, after: Noted) -> None:
    """Delete and insert the entries that differ between two versions of a resource, in the body's commit."""
    old, new = set(entries(before)), set(entries(after))
    unit.delete(*sorted(old - new, key=_entry))
    unit.write(*sorted(new - old, key=_entry))


def _entry(one: MetadataEntry) -> str:
    return one.entry
