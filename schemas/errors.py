"""The one shape of every refusal."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import Resource
from shared.domain.errors import Refusal


class ErrorDetail(Resource):
    """One field and what is wrong with it; nested fields are joined by dots."""

    field: str
    message: str


class ErrorBody(Resource):
    """`data` explains the code; what it holds is stated with each code's class."""

    code: str
    message: str
    details: list[ErrorDetail] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    request_id: str


class ErrorAnswer(Resource):
    """What every answer of status 400 and above holds."""

    error: ErrorBody

    @classmethod
    def of(cls, refusal: Refusal, request_id: str) -> ErrorAnswer:
        details = [ErrorDetail(**detail) for detail in refusal.details]
        body = ErrorBody(
            code=refusal.code,
            message=refusal.text,
            details=details,
            data=refusal.data,
            request_id=request_id,
        )
        return cls(error=body)
