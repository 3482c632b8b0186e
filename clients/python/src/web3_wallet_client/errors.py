"""All errors of the package, as one tree:

WalletError
├── ApiError                  the API answered 400 or above; `code` is the reason, `codes` has a class for each
│   ├── BadRequestError       400: the request is unreadable, or lacks its idempotency key
│   ├── AuthenticationError   401: the caller is not signed in, or the sign-in has ended
│   ├── ForbiddenError        403: the caller is known but may not do this
│   ├── NotFoundError         404: the resource does not exist, or belongs to another user
│   ├── ConflictError         409: the current state does not allow it
│   ├── VersionError          412: the resource's version differs from `if_match`
│   ├── UnprocessableError    422: a field is wrong, or a rule refuses the request
│   ├── RateLimitError        429: too many requests
│   ├── InternalError         500: a defect of the server
│   └── UnavailableError      503: a dependency of the server does not answer
├── NoAnswer                  no answer came in time, or the connection failed
├── UnreadableAnswer          a success that is not the API's: of a proxy, or of a server that does not fit
├── WaitTimeout               the expected state was not reached in time
├── EndedOtherwise            the expected state cannot be reached any more
└── WebhookError              a webhook is not genuine, or too old
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class WalletError(Exception):
    """The base of all errors that this package itself raises."""


class ApiError(WalletError):
    """A refusal. Programs use `code`; `data` explains it; `details` lists the wrong fields.

    `request_id` identifies the request in the server's logs; `doc_url` explains the code, on the server that
    answered; `retry_after` is in seconds.
    """

    def __init__(self, status: int, error: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(error.get("code", "UNKNOWN"))
        self.message = str(error.get("message", ""))
        self.details: list[dict[str, str]] = list(error.get("details") or [])
        self.data: dict[str, Any] = dict(error.get("data") or {})
        self.request_id: str | None = error.get("request_id")
        self.doc_url: str | None = error.get("doc_url")
        self.retry_after = retry_after
        super().__init__(f"{self.status} {self.code}: {self.message} [{self.request_id}]")


class BadRequestError(ApiError):
    """400: the request cannot be read, or lacks its idempotency key."""


class AuthenticationError(ApiError):
    """401: the caller is not signed in, or the sign-in has ended."""


class ForbiddenError(ApiError):
    """403: the caller is known but may not do this, or not yet."""


class NotFoundError(ApiError):
    """404: the resource does not exist, or belongs to another user."""


class ConflictError(ApiError):
    """409: the current state does not allow it."""


class VersionError(ApiError):
    """412: the resource's version differs from `if_match`."""


class UnprocessableError(ApiError):
    """422: a field is wrong, or a rule refuses the request."""


class RateLimitError(ApiError):
    """429: too many requests; repeat after `retry_after` seconds."""


class InternalError(ApiError):
    """500: a defect of the server; `request_id` identifies the request in its logs."""


class UnavailableError(ApiError):
    """503: a dependency of the server does not answer; nothing is lost."""


class NoAnswer(WalletError):
    """No answer came within the time of the call, or the connection failed; the cause is chained.

    Without an idempotency key, it is unknown whether a POST took effect; with one, send it again.
    """


class UnreadableAnswer(WalletError):
    """The status says success, but the body is not what the operation answers: it comes from a proxy, or from a server
    whose version does not fit. It is unknown whether the call took effect, as with NoAnswer; the cause is chained."""


class WaitTimeout(WalletError):
    """The expected state was not reached in time; `resource` is the last received state."""

    def __init__(self, text: str, resource: Any) -> None:
        super().__init__(text)
        self.resource = resource


class EndedOtherwise(WalletError):
    """The expected state cannot be reached any more: `resource` has ended in another state."""

    def __init__(self, text: str, resource: Any) -> None:
        super().__init__(text)
        self.resource = resource


class WebhookError(WalletError):
    """The webhook is not genuine, too old, or not an event. Answer it with 400 and do nothing else."""


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
    """The base of the classes in `codes`."""

    CODE: ClassVar[str]
