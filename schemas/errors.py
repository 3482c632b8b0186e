"""The error object of every refusal."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from schemas.base import Resource


class ErrorDetail(Resource):
    """One field and what is wrong with it; nested fields are joined by dots."""

    field: str
    message: str


class ErrorBody(Resource):
    """`data` explains the code; its fields are documented with each code."""

    code: str
    message: str
    details: list[ErrorDetail] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    request_id: str
    doc_url: Annotated[str, Field(description="link to the explanation of the code")]


class ErrorAnswer(Resource):
    """The body of every answer with status 400 or above."""

    error: ErrorBody
