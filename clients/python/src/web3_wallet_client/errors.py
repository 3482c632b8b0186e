"""What can go wrong, as one tree:

WalletError
├── ApiError                  the API answered 400 or above; `code` says why, `codes` has a class for each
│   ├── BadRequestError       400: it cannot be read, or lacks its idempotency key
│   ├── AuthenticationError   401: nobody is signed in, or the sign-in has ended
│   ├── ForbiddenError        403: known, and may not
│   ├── NotFoundError         404: not there, or another user's
│   ├── ConflictError         409: the state of things does not allow it now
│   ├── VersionError          412: the resource has another version than `if_match` says
│   ├── UnprocessableError    422: a field is wrong, or a rule refuses it
│   ├── RateLimitError        429: too many requests
│   ├── InternalError         500: a defect of the server's
│   └── UnavailableError      503: something that it needs does not answer
├── NoAnswer                  no answer came in time, or the connection failed
├── WaitTimeout               what was waited for did not happen in time
├── EndedOtherwise            what was waited for cannot happen any more
└── WebhookError              a webhook that is not genuine, or too old
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class WalletError(Exception):
    """The base of everything that this package raises by itself."""


class ApiError(WalletError):
    """A refusal. Programs act on `code`; `data` explains it; `details` names the fields that are wrong.

    `request_id` finds the request in the server's logs; `doc_url` explains the code, on the server that answered;
    `retry_after` is in seconds."""

    def __init__(self, status: int, error: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(error.get("code", "UNKNOWN"))
        self.message = str(error.get("message", ""))
        self.details: list[dict[str, str]] = list(error.get("details") or [])
        self.data: dict[str, Any] = dict(error.get("data") or {})
        self.request_id: str | None = error.get("request_id")
        self.doc_url: str | None = error.get("doc_url")
        self.retry_after = retry_after
        super().__init__(self._text())

    def _text(self) -> str:
        fields = "; ".join(f"{one.get('field')}: {one.get('message')}" for one in self.details)
        return (
            f"{self.status} {self.code}: {self.message}{f' ({fields})' if fields else ''} [{self.request_id}]"
        )


class BadRequestError(ApiError):
    """400: the request cannot be read, or lacks its idempotency key."""


class AuthenticationError(ApiError):
    """401: nobody is signed in, or the sign-in has ended."""


class ForbiddenError(ApiError):
    """403: the caller is known and may not do this, or not yet."""


class NotFoundError(ApiError):
    """404: there is no such resource, or it is another user's."""


class ConflictError(ApiError):
    """409: the state of things does not allow it now."""


class VersionError(ApiError):
    """412: the resource has another version than `if_match` says."""


class UnprocessableError(ApiError):
    """422: a field is wrong, or a rule refuses what is asked."""


class RateLimitError(ApiError):
    """429: too many requests; ask again after `retry_after` seconds."""


class InternalError(ApiError):
    """500: a defect of the server's; `request_id` finds it in its logs."""


class UnavailableError(ApiError):
    """503: something that is needed does not answer; nothing is lost."""


class NoAnswer(WalletError):
    """No answer came within the time of the call, or the connection failed; the cause is chained.

    After a POST without an idempotency key nobody knows whether it happened; with one, send it again."""


class WaitTimeout(WalletError):
    """What was waited for has not happened; `resource` is what was seen last."""

    def __init__(self, text: str, resource: Any) -> None:
        super().__init__(text)
        self.resource = resource


class EndedOtherwise(WalletError):
    """What was waited for cannot happen any more: `resource` has ended in another state."""

    def __init__(self, text: str, resource: Any) -> None:
        super().__init__(text)
        self.resource = resource


class WebhookError(WalletError):
    """The webhook is not genuine, too old, or no event. Answer it 400 and do nothing else."""


BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: VersionError,
    422: UnprocessableError,
    429: RateLimitError,
    500: InternalError,
    503: UnavailableError,
}


class Coded:
    """What the classes of `codes` have in common."""

    CODE: ClassVar[str]
