"""Translate the port's reads and writes for google-cloud-spanner, and its rows into plain values."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from shared.store.port import KeyRange, Read, Row, Write
from shared.telemetry import tracing

_LEAVES: Final = frozenset({"outbox", "events", "attempts", "audit"})


def rows(source: Any, read: Read) -> list[Row]:
    """The rows of one read of a snapshot or a transaction, as dicts by column name."""
    from google.cloud import spanner_v1

    key_set: Any = spanner_v1.KeySet
    spans = read.spans or ((read.span,) if read.span else ())
    if any(not (span.start or span.end) for span in spans):
        keys = key_set(all_=True)
    elif spans:
        keys = key_set(ranges=[_key_range(span) for span in spans])
    else:
        keys = key_set(keys=[list(key) for key in read.keys])
    with tracing.span("spanner.Read", db_collection_name=read.table):
        answer = source.read(read.table, read.columns, keys, index=read.index or "", limit=read.limit)
        return [dict(zip(read.columns, map(_plain, row), strict=True)) for row in answer]


def _key_range(span: KeyRange) -> Any:
    from google.cloud import spanner_v1

    make: Any = spanner_v1.KeyRange
    bounds = {
        "start_open" if span.start_open else "start_closed": list(span.start),
        "end_open" if span.end_open else "end_closed": list(span.end),
    }
    return make(**bounds)


_AS_IS: Final = frozenset({str, int, bool, float, type(None), datetime})


def _plain(value: Any) -> Any:
    """Convert a value from the client. BYTES come as base64. The client's datetime subclass would not compare equal
    after pickling or replace."""
    if type(value) in _AS_IS:
        return value
    if isinstance(value, bytes):
        return base64.b64decode(value)
    if isinstance(value, datetime):
        return datetime(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            tzinfo=value.tzinfo,
        )
    return value


def buffer(target: Any, writes: Sequence[Write]) -> None:
    """Add writes to a batch or a transaction."""
    from google.cloud import spanner_v1

    key_set: Any = spanner_v1.KeySet
    for (kind, table, columns), values in grouped(writes):
        if kind == "delete":
            target.delete(table, key_set(keys=[list(row) for row in values]))
        else:
            verb = {"insert": "insert", "update": "update", "upsert": "insert_or_update"}[kind]
            getattr(target, verb)(table, columns, values)


Shape = tuple[str, str, tuple[str, ...]]  # kind, table, columns


def grouped(writes: Sequence[Write]) -> list[tuple[Shape, list[Any]]]:
    """Group writes of one shape into one mutation of the client, which encodes faster.

    A row may move ahead only of rows of other tables: of updates, and of other writes to tables on which nothing
    depends. So parents stay before children, and a freed value stays before the row that takes it.
    """
    groups: list[tuple[Shape, list[Any]]] = []
    for write in writes:
        shape = (write.kind, write.table, write.columns)
        row = tuple(map(_sent, write.values))
        for earlier, rows in reversed(groups):
            if earlier == shape:
                rows.append(row)
                break
            if earlier[1] == write.table or (earlier[0] != "update" and earlier[1] not in _LEAVES):
                groups.append((shape, [row]))
                break
        else:
            groups.append((shape, [row]))
    return groups


def _sent(value: Any) -> Any:
    """Convert a value for the client, which expects BYTES as base64."""
    return base64.b64encode(value) if isinstance(value, bytes) else value
