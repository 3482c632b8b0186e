"""Keyset pages over an index or its shards: newest first, stable under inserts, never OFFSET, bounded work.

A cursor contains the position where the previous page ended.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from shared import resources
from shared.runtime.errors import InvalidCursor
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.table import Index, Query

T = TypeVar("T")
R = TypeVar("R")
Scan = Callable[[int, Key | None, int], Query[list[R]]]  # (shard, after this position, limit)
Position = Callable[[R], tuple[datetime, str]]
_MAC = 16  # bytes
_LIMIT = 1024  # characters of a cursor
MAX_SCANNED = 5_000  # index entries per call; a page may be short, but its cursor continues
MAX_ROUNDS = 10  # pages of rows that are searched for one page of matching rows


def page(
    index: Index[T],
    prefix: Sequence[Any],
    *,
    limit: int,
    cursor: str | None,
    filters: Mapping[str, Any],
    keep: Callable[[Row], bool] | None = None,
    span: tuple[Key | None, Key] = (None, ()),
    more: Sequence[Any] = (),
    without: Sequence[str] = (),
    fitting: Callable[[Sequence[T]], int] = len,
) -> tuple[list[T], str | None]:
    """One page of the rows below `prefix`, and the next page's cursor; `span`: (after this key, up to this key).

    A stored column of the index must equal its value in `filters`, or be one of them if it is a tuple; None does not
    filter. `keep` filters further; `more` holds everything that `keep` and the span depend on. The columns `without`
    are not read. `fitting` is how many of the rows, at least one, the page has room for. Raises InvalidCursor."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    binding = [index.name, *prefix, sorted(wanted.items()), *more]
    after = decode(binding, cursor) if cursor else span[0]
    place_of, key_of = _columns(index.key[len(prefix) :]), _columns(index.table.key_columns)
    session = Session(resources.database().snapshot())
    kept, scanned = list[Row](), 0
    while True:
        size = limit + 1 - len(kept) if not (wanted or keep) else max(limit + 1, 200)
        entries = session.many(index.scan(*prefix, after=after, upto=span[1], limit=size))
        scanned += len(entries)
        kept += (one for one in entries if fits(one, wanted) and (keep is None or keep(one)))
        after = place_of(entries[-1]) if entries else after
        if len(kept) > limit or len(entries) < size or scanned >= MAX_SCANNED:
            break
    rows = session.follow(index.table, kept[:limit], without=without)
    shown = rows[: fitting(rows)]
    cut = kept[limit - 1] if len(kept) > limit else None
    if len(shown) < len(rows):  # the entry of a row that no longer exists may stand before it
        cut = next(entry for entry in kept if key_of(entry) == index.table.key_of(shown[-1]))
    if cut is None and len(entries) < size:
        return shown, None
    return shown, encode(binding, place_of(cut) if cut else after or ())


def _columns(names: Sequence[str]) -> Callable[[Row], Key]:
    return lambda entry: tuple(entry[name] for name in names)


def entries(
    index: Index[Any], prefix: Sequence[Any], *, limit: int, cursor: str | None
) -> Query[tuple[list[Row], str | None]]:
    """The index entries of one page of all rows below `prefix`, and the next page's cursor: a query, which other ones
    may join in one read. Raises InvalidCursor."""
    binding, position = [index.name, *prefix, []], index.key[len(prefix) :]

    def cut(found: list[Row]) -> tuple[list[Row], str | None]:
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], encode(binding, [last[name] for name in position])

    after = decode(binding, cursor) if cursor else None
    return index.scan(*prefix, after=after, limit=limit + 1).then(cut)


def fits(entry: Row, wanted: Mapping[str, Any]) -> bool:
    """Whether each column has the wanted value, or one of the wanted values if it is a tuple."""
    return all(
        entry[name] in value if isinstance(value, tuple) else entry[name] == value
        for name, value in wanted.items()
    )


def page_now(
    index: Index[T],
    prefix: Sequence[Any],
    *,
    limit: int,
    cursor: str | None,
    filters: Mapping[str, Any],
    keep: Callable[[T], bool],
) -> tuple[list[T], str | None]:
    """`kept_page` of the rows below `prefix`."""

    def read(limit: int, cursor: str | None) -> tuple[list[T], str | None]:
        return page(index, prefix, limit=limit, cursor=cursor, filters=filters)

    return kept_page(read, limit=limit, cursor=cursor, keep=keep)


def kept_page(
    read: Callable[[int, str | None], tuple[list[T], str | None]],
    *,
    limit: int,
    cursor: str | None,
    keep: Callable[[T], bool],
) -> tuple[list[T], str | None]:
    """A page of rows that belong to the list now. The rows decide this themselves, because the index does not contain
    changes that only depend on time. `read(limit, cursor)` returns a page of all rows. After many rows that do not
    belong, the page may be short, but its cursor continues. Raises InvalidCursor."""
    kept: list[T] = []
    for _ in range(MAX_ROUNDS):
        rows, cursor = read(limit - len(kept), cursor)
        kept += filter(keep, rows)
        if cursor is None or len(kept) == limit:
            break
    return kept, cursor


def page_over_shards(
    shards: int,
    scan: Scan[R],
    position: Position[R],
    *,
    limit: int,
    cursor: str | None,
    binding: Sequence[Any],
    keep: Callable[[R], bool] | None = None,
) -> tuple[list[R], str | None]:
    """One page and the next page's cursor. `binding` identifies the list, its filters and its owner.

    Raises InvalidCursor for a cursor of another list.
    """
    after: Key | None = decode(binding, cursor) if cursor else None
    session = Session(resources.database().snapshot())
    size = limit + 1 if keep is None else max(limit + 1, 200)
    kept: list[R] = []
    scanned = 0
    while True:
        waves = session.read_all([scan(shard, after, size) for shard in range(shards)])
        scanned += sum(map(len, waves))
        rows = sorted(chain.from_iterable(waves), key=lambda row: _newest_first(position(row)))
        full = [_newest_first(position(wave[-1])) for wave in waves if len(wave) == size]
        horizon = min(full) if full else None  # after this position, a shard may hold rows that were not read
        sure = [row for row in rows if horizon is None or _newest_first(position(row)) <= horizon]
        for row in sure:
            if keep is None or keep(row):
                kept.append(row)
                if len(kept) > limit:
                    return kept[:limit], encode(binding, position(kept[limit - 1]))
        if horizon is None:
            return kept, None
        after = position(sure[-1])
        if scanned >= MAX_SCANNED:
            return kept, encode(binding, after)


def _newest_first(position: tuple[datetime, str]) -> tuple[float, str]:
    return -position[0].timestamp(), position[1]


def encode(binding: Sequence[Any], position: Sequence[Any]) -> str:
    """The cursor after `position` (index key values) of the list that `binding` describes.

    It is opaque, signed, and bound to the list, its filters and the caller.
    """
    plain = [{"t": value.isoformat()} if isinstance(value, datetime) else value for value in position]
    payload = json.dumps(plain, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(binding, payload) + payload).decode().rstrip("=")


def decode(binding: Sequence[Any], cursor: str) -> tuple[Any, ...]:
    """The position. Raises InvalidCursor (400) unless `encode` created the cursor for this list."""
    if len(cursor) > _LIMIT or not cursor.isascii():
        raise InvalidCursor()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidCursor() from None
    if not hmac.compare_digest(raw[:_MAC], _mac(binding, raw[_MAC:])):
        raise InvalidCursor()
    values = json.loads(raw[_MAC:])
    return tuple(datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value for value in values)


def _mac(binding: Sequence[Any], payload: bytes) -> bytes:
    text = json.dumps(["cursor", *binding], default=str).encode() + b"\0" + payload
    return hmac.new(resources.settings().fingerprint_key, text, hashlib.sha256).digest()[:_MAC]
