"""What a body leaves to tell once it is committed: its events, the cached rows it made stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.store import records


class Answer(Protocol):
    """What pydantic models offer: the JSON that crosses the border."""

    def model_dump_json(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of this commit; `ord` is its place in the commit, `row_id` its outbox row's name."""

    ord: int
    envelope: dict[str, Any]
    topic: str
    row_id: str

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def shard(self) -> int:
        return records.shard_of(self.envelope["subject"], records.OUTBOX_SHARDS)


@dataclass(slots=True)
class Changes:
    """What a committed body leaves to do and to tell."""

    events: list[Emitted] = field(default_factory=list)
    stale: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, id) → version
    audit_resource: str | None = None
    measured: list[Callable[[], None]] = field(default_factory=list)
