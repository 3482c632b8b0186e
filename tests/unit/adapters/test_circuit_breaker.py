"""What a circuit breaker says of the service that it protects."""

from __future__ import annotations

import pytest

from shared.adapters.circuit_breaker import Breaker


def test_the_log_names_the_service_that_did_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise TimeoutError

    assert Breaker("the counters did not answer").call(fails) is None
    assert [record.getMessage() for record in caplog.records] == ["the counters did not answer"]
