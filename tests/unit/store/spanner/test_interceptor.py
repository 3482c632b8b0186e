"""The request's deadline on every call to Spanner."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from google.api_core.exceptions import DeadlineExceeded

from shared.runtime.context import Context, deadline_in, running
from shared.store.spanner.interceptor import CALL_CAP_SECONDS, ROLLBACK_SECONDS, _CallInterceptor

SERVICE = "/google.spanner.v1.Spanner"


class Details(NamedTuple):
    """grpc's description of a call for an interceptor."""

    method: str
    timeout: float | None = None


def capped(method: str, seconds: float) -> float:
    """The time-out of a call, `seconds` before the request's deadline."""
    with running(Context("test", "req_1", deadline_in(seconds))):
        return float(_CallInterceptor()._capped(Details(f"{SERVICE}/{method}")).timeout)


def test_a_call_may_take_what_is_left_of_the_request() -> None:
    assert 1.9 < capped("Commit", 2.0) <= 2.0
    assert capped("Commit", 1000.0) == CALL_CAP_SECONDS


def test_a_call_after_the_requests_time_is_not_sent() -> None:
    with pytest.raises(DeadlineExceeded):
        capped("Commit", -1.0)


def test_a_transaction_is_rolled_back_also_after_the_requests_time() -> None:
    """Otherwise its locks would stay until Spanner finds it idle."""
    assert capped("Rollback", -1.0) == ROLLBACK_SECONDS
