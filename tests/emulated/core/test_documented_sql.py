"""The queries of the runbooks match the schema: each runs on the emulator."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument

from schemas.database import migrate
from tests.unit.docs.pages import pages


def documented() -> list[str]:
    """Every query of the documents. Not at import: each process that collects tests would parse all documents."""
    return [
        query
        for page in pages()
        for fence in page.fences()
        if fence.shell
        for command in fence.commands()
        for query in re.findall(r"--sql=\"([^\"]+)\"", command)
    ]


@pytest.fixture(scope="module")
def tables(spanner_client: Any, emulators: Mapping[str, str]) -> Iterator[Any]:
    instance, name = emulators["SPANNER_INSTANCE"], f"t{uuid.uuid4().hex[:20]}"
    migrate.fresh(spanner_client, instance, name)
    database = spanner_client.instance(instance).database(name)
    yield database
    database.drop()


def test_a_runbooks_query_runs(tables: Any) -> None:
    queries = documented()
    assert len(queries) >= 5
    for query in queries:
        with tables.snapshot() as snapshot:
            assert list(snapshot.execute_sql(query)) == [], query


def test_the_emulator_refuses_placements_still(tables: Any) -> None:
    """When the emulator accepts placements, the design of docs/regions.md can be tested, and decision 26 can be
    reconsidered."""
    with pytest.raises(InvalidArgument, match="PLACEMENT"):
        tables.update_ddl(["CREATE PLACEMENT europe OPTIONS (instance_partition = 'europe')"]).result(60)
