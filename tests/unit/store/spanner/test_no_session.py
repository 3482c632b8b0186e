"""A Spanner that gives no session fails only the calls that need one, and blocks no thread."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import spanner

from shared.store.port import Read, StoreTransaction, Unavailable
from shared.store.spanner.database import SpannerDatabase

READ = Read("operations", ("id",), keys=(("a",),))


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> SpannerDatabase:
    """Google's client for a database that gives no session."""
    monkeypatch.setenv("SPANNER_EMULATOR_HOST", "127.0.0.1:1")
    client: Any = spanner.Client("p", disable_builtin_metrics=True)
    handle = client.instance("i").database("d")

    def no_session(kind: Any) -> Any:
        raise ServiceUnavailable("no answer")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(handle._sessions_manager, "get_session", no_session)
    return SpannerDatabase(handle, None)


def test_a_thread_that_got_no_session_tries_again(database: SpannerDatabase) -> None:
    """The client library alone answers the second attempt with "Spanner does not support nested transactions."."""

    def body(transaction: StoreTransaction) -> Any:
        return transaction.read(READ)

    for _ in range(2):
        with pytest.raises(Unavailable):
            database.transact(body)


@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize("consistent", [True, False])
def test_reads_say_that_the_store_does_not_answer(
    database: SpannerDatabase, reads: int, consistent: bool
) -> None:
    with pytest.raises(Unavailable):
        database.snapshot(consistent=consistent).read(*[READ] * reads)
