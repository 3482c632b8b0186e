"""Random histories of writes and reads, and a schema with every feature, to compare stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from schemas.database.migration_files import Migration
from shared.store.port import AlreadyExists, ConstraintViolation, Database, KeyRange, Read, Write
from tests.model.store import MemoryDatabase

SCHEMA: Final = Migration.of(
    "0001_differences",
    """
CREATE TABLE parents (
  a STRING(4) NOT NULL,
  b INT64 NOT NULL,
  n INT64,
  t TIMESTAMP,
  u STRING(4),
  q NUMERIC NOT NULL,
  shown STRING(4) AS (IF(n IS NULL OR n > 0, u, NULL)) STORED,
  CONSTRAINT not_negative CHECK (q >= 0)
) PRIMARY KEY (a, b DESC);

CREATE INDEX parents_by_n ON parents (n, t DESC) STORING (q);

CREATE NULL_FILTERED INDEX parents_by_t ON parents (t DESC, n);

CREATE UNIQUE NULL_FILTERED INDEX parents_by_u ON parents (u);

CREATE UNIQUE INDEX parents_by_pair ON parents (n, shown);

CREATE TABLE children (
  a STRING(4) NOT NULL,
  b INT64 NOT NULL,
  c INT64 NOT NULL,
  d BOOL
) PRIMARY KEY (a, b DESC, c),
  INTERLEAVE IN PARENT parents ON DELETE CASCADE;

CREATE TABLE wards (
  a STRING(4) NOT NULL,
  b INT64 NOT NULL,
  c INT64 NOT NULL
) PRIMARY KEY (a, b DESC, c DESC),
  INTERLEAVE IN PARENT parents ON DELETE NO ACTION;
""",
)
KEYS: Final = {"parents": ("a", "b"), "children": ("a", "b", "c"), "wards": ("a", "b", "c")}
INDEX_KEYS: Final = {
    "parents_by_n": ("n", "t"),
    "parents_by_t": ("t", "n"),
    "parents_by_u": ("u",),
    "parents_by_pair": ("n", "shown"),
}
READABLE: Final = {
    "parents": ("a", "b", "n", "t", "u", "q", "shown"),
    "children": ("a", "b", "c", "d"),
    "wards": ("a", "b", "c"),
    "parents_by_n": ("n", "t", "a", "b", "q"),
    "parents_by_t": ("t", "n", "a", "b"),
    "parents_by_u": ("u", "a", "b"),
    "parents_by_pair": ("n", "shown", "a", "b"),
}
_TIMES: Final = [datetime(2026, 1, 1, 0, 0, 0, n, tzinfo=UTC) for n in range(3)]
VALUES: Final = {
    "a": st.sampled_from(["", "a", "aé", "\U0001f600"]),
    "b": st.integers(-1, 1),
    "c": st.integers(0, 1),
    "n": st.sampled_from([None, 0, 1]),
    "t": st.sampled_from([None, *_TIMES]),
    "u": st.sampled_from([None, "x", "y"]),
    "shown": st.sampled_from([None, "x", "y"]),
    "q": st.sampled_from([Decimal(0), Decimal("1.5"), Decimal(10**20)]),
    "d": st.sampled_from([None, True, False]),
}
BROKEN: Final = {  # values that the schema forbids
    "a": st.sampled_from([None, "12345"]),
    "q": st.sampled_from([None, Decimal("-0.000000001")]),
    "u": st.just("\U0001f600" * 5),
}


@dataclass(frozen=True)
class Step:
    """Some writes in one commit, or one read, if `read` is set."""

    writes: tuple[Write, ...] = ()
    read: Read | None = None


def histories(tables: Sequence[str], *, broken: bool) -> st.SearchStrategy[list[Step]]:
    """Generate histories for these tables; `broken`: with values and deletes that the schema forbids."""
    commits = st.lists(_write(tables, broken), min_size=1, max_size=3)
    reads = _read([name for name in READABLE if name.partition("_")[0] in tables])
    steps = st.one_of(
        commits.map(lambda writes: Step(writes=tuple(writes))), reads.map(lambda read: Step(read=read))
    )
    return st.lists(steps, min_size=5, max_size=25)


@st.composite
def _write(draw: st.DrawFn, tables: Sequence[str], broken: bool) -> Write:
    table = draw(st.sampled_from(tables))
    kind: Any = draw(st.sampled_from(["insert", "insert", "update", "upsert", "delete"]))
    key, row = KEYS[table], {}
    for name in READABLE[table]:
        if name != "shown" and (name in key or kind != "delete"):
            row[name] = draw(VALUES[name])
    if broken and kind != "delete" and draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from([name for name in BROKEN if name in row]))
        row[name] = draw(BROKEN[name])
    if kind == "update":
        left_out = draw(st.sets(st.sampled_from([*row]), max_size=3)) - {*key}
        row = {name: value for name, value in row.items() if name not in left_out}
    if kind == "delete":
        return Write(kind, table, key, tuple(row.values()))
    return Write(kind, table, tuple(row), tuple(row.values()))


@st.composite
def _read(draw: st.DrawFn, sources: Sequence[str]) -> Read:
    source = draw(st.sampled_from(sources))
    index = source if source in INDEX_KEYS else None
    key = INDEX_KEYS.get(source) or KEYS[source]
    read = Read(
        source.partition("_")[0], READABLE[source], index=index, limit=draw(st.sampled_from([0, 0, 1, 2]))
    )
    shape = draw(st.sampled_from(["keys", "span", "span", "span", "spans"])) if index is None else "span"
    if shape == "keys":
        whole = st.tuples(*(VALUES[name] for name in key))
        return replace(read, keys=tuple(draw(st.lists(whole, min_size=1, max_size=4))))
    if shape == "spans":
        return replace(read, spans=tuple(draw(st.lists(_span(key), min_size=1, max_size=3))))
    return replace(read, span=draw(_span(key)))


@st.composite
def _span(draw: st.DrawFn, key: Sequence[str]) -> KeyRange:
    """A range of any kind: whole, of prefixes, within one prefix, empty, reversed."""
    start, end = (
        tuple(draw(VALUES[name]) for name in key[: draw(st.integers(0, len(key)))]) for _ in range(2)
    )
    if draw(st.booleans()):
        same = draw(st.integers(0, min(len(start), len(end))))
        end = start[:same] + end[same:]
    if not start and not end:
        return KeyRange((), ())
    return KeyRange(start, end, draw(st.booleans()) and bool(start), draw(st.booleans()) and bool(end))


def told(store: Database, step: Step) -> Any:
    """The store's answer to a step: rows, a success, or the name of the error. If a commit has several wrong writes,
    Spanner does not promise which one it reports."""
    try:
        if step.read is not None:
            return store.snapshot().read(step.read)[0]
        store.write(step.writes)
    except Exception as error:
        assert isinstance(error, AlreadyExists | ConstraintViolation), error
        return type(error).__name__ if len(step.writes) == 1 else "refused"
    return "written"


def everything(store: Database) -> dict[str, Any]:
    """Every row of every table and every index."""
    found = {}
    for source, columns in READABLE.items():
        if isinstance(store, MemoryDatabase) and not source.startswith("parents"):
            continue
        index = source if source in INDEX_KEYS else None
        read = Read(source.partition("_")[0], columns, span=KeyRange((), ()), index=index)
        found[source] = store.snapshot().read(read)[0]
    return found
