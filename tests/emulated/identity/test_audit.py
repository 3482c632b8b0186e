"""The audit log: its readers, pages and filters, seals, and the detection of tampering."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared import resources
from shared.runtime import operation
from shared.store import audit_chain
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.system import AUDIT, AUDIT_SHARDS, AuditRow, shard_of
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import People, Person


def read(app: App, query: str = "") -> list[dict[str, Any]]:
    """Read all pages."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        path = f"/audit?limit=3{query}{cursor}"
        answer = app.ok(200, "GET", path, user="usr_op", roles=("operator",))
        items += answer["items"]
        if answer["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer['next_cursor']}"


@pytest.fixture
def person(people: People) -> Person:
    """A person with three wallets."""
    person = people.register()
    for _ in range(3):
        person.wallet()
    return person


def test_operators_read_everything_newest_first(person: Person, app: App) -> None:
    items = read(app)
    moments = [item["at"] for item in items]
    assert moments == sorted(moments, reverse=True) and len({item["id"] for item in items}) == len(items)
    assert [item["action"] for item in items] == [*["create_wallet"] * 3, "login_user", "register_user"]
    assert items[0]["actor"] == person.id and items[-1]["actor"] == "anonymous"
    assert items[0]["resource"].startswith("wal_") and items[0]["request_id"].startswith("req_")
    assert person.refused("FORBIDDEN", "GET", "/audit").status == 403


def test_filters_narrow_and_bind_the_cursor(person: Person, app: App) -> None:
    items = read(app)
    assert len(read(app, f"&actor={person.id}")) == 4
    assert [item["action"] for item in read(app, "&action=register_user")] == ["register_user"]
    assert read(app, f"&resource={items[0]['resource']}") == items[:1]
    middle = items[2]["at"]
    assert read(app, f"&from={quote(middle)}") == items[:3]
    assert read(app, f"&to={quote(middle)}") == items[3:]
    assert read(app, f"&from={quote(items[4]['at'])}&to={quote(items[1]['at'])}") == items[2:]
    first = app.ok(200, "GET", "/audit?limit=1", user="usr_op", roles=("operator",))
    other = f"/audit?limit=1&actor=x&cursor={first['next_cursor']}"
    assert app.call("GET", other, user="usr_op", roles=("operator",)).code == "INVALID_CURSOR"


def happened(action: str, at: datetime) -> AuditRow:
    """Write a row with a commit time in the past."""
    identity = f"aud_{action}"
    shard = shard_of(identity, AUDIT_SHARDS)
    row = AuditRow(shard, at, identity, "usr_1", action, None, "req_1", None, [], at)
    resources.database().write([AUDIT.write("insert", row)])
    return row


def sealed_at(app: App, moment: datetime) -> None:
    with resources.override(clock=TestClock(moment)):
        assert app.schedule("seal_audit").status == 204


def test_rows_are_sealed_and_tampering_is_seen(app: App) -> None:
    session, now = Session(resources.database().snapshot()), resources.clock().now()
    assert audit_chain.verify(session) == (None, [])
    first = happened("first", now - timedelta(hours=6))
    sealed_at(app, now - timedelta(hours=5))
    until, problems = audit_chain.verify(session)
    assert problems == [] and until == now - timedelta(hours=5) - audit_chain.MARGIN
    second = happened("second", now - timedelta(hours=2, minutes=5))
    sealed_at(app, now)
    sealed_at(app, now)
    until, problems = audit_chain.verify(session)
    assert problems == [] and until is not None and until > now - timedelta(hours=2)
    columns = ("shard", "committed_at", "id", "actor")
    forged = Write("update", "audit", columns, (*AUDIT.key_of(first), "usr_other"))
    resources.database().write([forged])
    assert len(audit_chain.verify(session)[1]) == 1 and "not as sealed" in audit_chain.verify(session)[1][0]
    resources.database().write([AUDIT.write("update", first)])
    resources.database().write([Write("delete", "audit", AUDIT.key_columns, AUDIT.key_of(second))])
    assert len(audit_chain.verify(session)[1]) == 1
    resources.database().write([AUDIT.write("insert", second)])
    happened("slipped_in", now - timedelta(hours=4))
    assert len(audit_chain.verify(session)[1]) == 1


def test_every_row_is_sealed_within_two_minutes(app: App) -> None:
    """The sealer runs each minute; it seals rows that are at least half a minute old."""
    session, now = Session(resources.database().snapshot()), resources.clock().now()
    row = happened("something", now - timedelta(hours=3))
    (trigger,) = operation.load("seal_audit").schedules
    assert (trigger.seconds, trigger.cron) == (60, "* * * * *")
    worst = row.committed_at + audit_chain.MARGIN - timedelta(microseconds=1)
    sealed_at(app, worst)
    assert session.many(audit_chain.SEALS.scan(row.shard))[0].until < row.committed_at, "a moment too early"
    sealed_at(app, worst + timedelta(seconds=trigger.seconds))
    assert session.many(audit_chain.SEALS.scan(row.shard))[0].until >= row.committed_at
    assert audit_chain.MARGIN + timedelta(seconds=trigger.seconds) < timedelta(minutes=2)


def test_exports_lines_in_commit_order(person: Person, app: App) -> None:
    now = resources.clock().now()
    session = Session(resources.database().snapshot())
    lines = [
        json.loads(text)
        for text in audit_chain.exported(session, now - timedelta(hours=3), now + timedelta(seconds=2))
    ]
    assert [line["action"] for line in lines] == ["register_user", "login_user", *["create_wallet"] * 3]
    assert person.email not in json.dumps(lines)
