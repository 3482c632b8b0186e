"""Errors of Google's client as the port's exceptions."""

from __future__ import annotations

import pytest
from google.api_core import exceptions as google

from shared.store.port import AlreadyExists, ConstraintViolation, Contention, Unavailable, UnknownOutcome
from shared.store.spanner.errors import translate


@pytest.mark.parametrize("committing", [True, False])
def test_an_abort_that_outlasts_the_retries_is_contention(committing: bool) -> None:
    """A 503 that says so; from a read in the body it was a 500."""
    assert isinstance(translate(google.Aborted("locks"), committing), Contention)


def test_an_abort_within_a_body_passes_to_the_client() -> None:
    """The client then runs the body again."""
    aborted = google.Aborted("locks")
    assert translate(aborted, committing=False, rerun=True) is aborted


@pytest.mark.parametrize(
    ("error", "committing", "ours"),
    [
        (google.AlreadyExists("row"), True, AlreadyExists),
        (google.FailedPrecondition("too long"), True, ConstraintViolation),
        (google.DeadlineExceeded("late"), True, UnknownOutcome),
        (google.DeadlineExceeded("late"), False, Unavailable),
    ],
)
def test_the_rest_by_whether_a_commit_was_under_way(
    error: Exception, committing: bool, ours: type[Exception]
) -> None:
    assert isinstance(translate(error, committing), ours)
