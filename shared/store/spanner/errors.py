"""Google's exceptions as the port's."""

from __future__ import annotations

from shared.store.port import AlreadyExists, Contention, StoreError, Unavailable, UnknownOutcome


def translate(error: Exception, committing: bool) -> Exception:
    """What the port raises; a Refusal or a bug passes unchanged. Aborts pass so that the client re-runs the body."""
    from google.api_core import exceptions as google

    if isinstance(error, StoreError) or not isinstance(error, (google.GoogleAPICallError, google.RetryError)):
        return error
    if isinstance(error, google.AlreadyExists):
        return AlreadyExists(error.message)
    if isinstance(error, google.Aborted):
        return Contention(error.message) if committing else error
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
