"""Every refusal of the product: a code from a closed list, an HTTP status, and data that explains it.

A refusal is an answer, not a fault: nothing was written, and the caller can act on the code. Domain rules raise
refusals directly; the triggers render them. The code is the class attribute `code`. The list in the OpenAPI document
is generated from the subclasses of `Refusal`, so that each code is defined once.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """An operation was understood but is refused; `data` must never contain secrets or data of other users."""

    code: ClassVar[str] = "REFUSED"
    status: ClassVar[int] = 409
    message: ClassVar[str] = "The operation is refused."
    retry_after: ClassVar[float | None] = None

    def __init__(
        self, message: str | None = None, /, *, details: list[dict[str, str]] | None = None, **data: Any
    ) -> None:
        super().__init__(message or self.message)
        self.text = message or self.message
        self.details = details or []
        self.data = data
        self.record_checked = False  # the operation record has been consulted


class NotFound(Refusal):
    code, status, message = "NOT_FOUND", 404, "There is no such resource."


class InvalidValue(Refusal):
    """A field has the right type but an invalid value; `field` names it, `data` may list the valid values."""

    code, status, message = "VALIDATION_FAILED", 422, "The request is not valid."

    def __init__(self, field: str, problem: str, **data: Any) -> None:
        super().__init__(None, details=[{"field": field, "message": problem}], **data)


class InvalidState(Refusal):
    """The current state of the resource does not allow this; `data.status` is that state."""

    code, status, message = "INVALID_STATE", 409, "The resource's state does not allow this."

    def __init__(self, message: str | None = None, /, *, status: str, **data: Any) -> None:
        super().__init__(
            message or f"The resource is {status}: this state does not allow it.", status=status, **data
        )
