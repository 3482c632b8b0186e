"""A Spanner that gives no session costs the calls that ask for one, and no thread."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import spanner

from shared.store.port import Read, StoreTransaction, Unavailable
from shared.store.spanner.database import SpannerDatabase


def test_a_thread_that_got_no_session_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library alone answers the second with "Spanner does not support nested transactions."."""
    monkeypatch.setenv("SPANNER_EMULATOR_HOST", "127.0.0.1:1")
    client: Any = spanner.Client("p", disable_builtin_metrics=True)
    handle = client.instance("i").database("d")
    asked = []

    def no_session(kind: Any) -> Any:
        asked.append(kind)
        raise ServiceUnavailable("no answer")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(handle._sessions_manager, "get_session", no_session)
    database = SpannerDatabase(handle, None)

    def body(transaction: StoreTransaction) -> Any:
        return transaction.read(Read("operations", ("id",), keys=(("a",),)))

    for _ in range(2):
        with pytest.raises(Unavailable):
            database.transact(body)
    assert len(asked) == 2
