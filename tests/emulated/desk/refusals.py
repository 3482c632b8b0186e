"""Assert that an answer has the contract's error shape."""

from __future__ import annotations

from typing import Any

from tests.support.inprocess import Answer


def refused(answer: Answer, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Return the error of an answer that must be this refusal, with this field among its details."""
    assert (answer.status, answer.code) == (status, code), answer.text
    error: dict[str, Any] = answer.body["error"]
    assert error.keys() == {"code", "message", "details", "data", "request_id", "doc_url"}
    if field is not None:
        assert field in [detail["field"] for detail in error["details"]], error
    return error
