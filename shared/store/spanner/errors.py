"""Translate Google's exceptions into the port's."""

from __future__ import annotations

from typing import Final

from shared.store.port import (
    AlreadyExists,
    ConstraintViolation,
    Contention,
    MissingRow,
    StoreError,
    Unavailable,
    UnknownOutcome,
)

_OF_COMMITS: Final[dict[str, type[Exception]]] = {
    "NotFound": MissingRow,
    "FailedPrecondition": ConstraintViolation,
    "OutOfRange": ConstraintViolation,
}


def translate(error: Exception, committing: bool, *, rerun: bool = False) -> Exception:
    """The exception that the port raises; a Refusal or a bug passes unchanged.

    `rerun`: the error occurred within a body, so an abort passes and the client runs the body again. Otherwise the
    time for re-runs is over and nothing was committed, whether a read or the commit failed last.
    """
    from google.api_core import exceptions as google

    if isinstance(error, StoreError) or not isinstance(error, (google.GoogleAPICallError, google.RetryError)):
        return error
    for kind, ours in _OF_COMMITS.items():
        if committing and isinstance(error, getattr(google, kind)):
            return ours(error.message)
    if isinstance(error, google.Aborted):
        return error if rerun else Contention(error.message)
    if isinstance(error, google.AlreadyExists):
        return AlreadyExists(error.message)
    unsure = (
        google.DeadlineExceeded,
        google.ServiceUnavailable,
        google.InternalServerError,
        google.Cancelled,
        google.Unknown,
        google.RetryError,
    )
    if isinstance(error, unsure):
        return UnknownOutcome(str(error)) if committing else Unavailable(str(error))
    return error
